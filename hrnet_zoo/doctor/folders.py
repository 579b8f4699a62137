"""The settings file, the cache of checkpoints, and the data sets: there, writable, complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from hrnet_zoo import settings
from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.problems import ProblemKind
from hrnet_zoo.doctor.finding import Area, Finding, State, guarded
from hrnet_zoo.errors import DatasetError, UsageError
from hrnet_zoo.system.wording import GIB

_LITTLE_SPACE = GIB
"""Bytes; the largest published checkpoint takes a little more than half of it."""


def settings_file() -> Finding:
    """Say whether the settings file can be used."""
    path = settings.settings_path()
    try:
        settings.cache_dir()
        settings.data_folders(None, {}, DATASETS)
    except UsageError as error:
        mend = f"Correct {path}, delete it" if path.exists() else "Unset HRNET_ZOO_SETTINGS"
        remedy = f"{mend}, or let HRNET_ZOO_SETTINGS point to another one."
        return Finding(Area.FOLDERS, "settings", State.BROKEN, str(error), remedy)
    found = str(path) if path.exists() else f"none; it would be {path}"
    return Finding(Area.FOLDERS, "settings", State.FINE, found)


def cache(folder: Path) -> Finding:
    """Say whether checkpoints can be kept in a folder, which need not exist yet."""
    try:
        existing = next(f for f in (folder, *folder.absolute().parents) if f.exists())
        with tempfile.TemporaryFile(dir=existing):  # goes away at once
            free = shutil.disk_usage(existing).free
    except OSError as error:
        found = f"{folder} cannot be written to: {error.strerror or error}"
        remedy = (
            "Make it writable, or set HRNET_ZOO_CACHE to another folder. What is in it already "
            "can be used as it is."
        )
        return Finding(Area.FOLDERS, "cache", State.BROKEN, found, remedy)
    kept = len(list(folder.glob("*.pth"))) if folder.is_dir() else 0
    found = f"{folder}: {kept} checkpoints, {free / GIB:.1f} GiB free"
    if free < _LITTLE_SPACE:
        remedy = (
            "Make room, or set HRNET_ZOO_CACHE to another folder: a checkpoint has up to 0.6 GB."
        )
        return Finding(Area.FOLDERS, "cache", State.NOTE, found, remedy)
    return Finding(Area.FOLDERS, "cache", State.FINE, found)


def check_folders() -> Iterator[Finding]:
    """Look at the settings file and at the cache."""
    finding = settings_file()
    yield finding
    if finding.state is State.FINE:
        yield cache(settings.cache_dir())


def check_data(data_root: Path | None, own: Mapping[str, Path]) -> Iterator[Finding]:
    """Look at the folders of data sets, and which data sets are there.

    Args:
        data_root: from the command line; None: as set for this machine.
        own: folders of single data sets, from the command line.
    """
    try:
        folders = settings.data_folders(data_root, own, DATASETS)
    except UsageError:  # the settings file has a line of its own
        if data_root is None and not own:
            return
        folders = settings.DataFolders(root=data_root, own=own)
    if folders.root is None and not folders.own:
        remedy = "Pass --data-root, or set HRNET_ZOO_DATA, before verifying."
        found = "nothing says where they are"
        yield Finding(Area.DATA, "folder", State.NOTE, found, remedy)
        return
    for name, folder in folders.own.items():
        yield from guarded(Area.DATA, name, partial(_own, name, folder, is_asked_for=name in own))
    if folders.root is not None:
        yield from _below(folders.root, {*folders.own}, is_asked_for=data_root is not None)


def _own(name: str, folder: Path, *, is_asked_for: bool) -> list[Finding]:
    """Look at a data set that has a folder of its own."""
    wrong = State.BROKEN if is_asked_for else State.NOTE
    lacking = Finding(Area.DATA, name, wrong, f"not in {folder}", _as_expected(name))
    return look_at(DATASETS[name], folder, wrong) or [lacking]


def _below(root: Path, elsewhere: set[str], *, is_asked_for: bool) -> Iterator[Finding]:
    """Look at the folder of all data sets, and at those in it."""
    wrong = State.BROKEN if is_asked_for else State.NOTE
    if not os.access(root, os.R_OK | os.X_OK) or not root.is_dir():
        found = f"{root} is not a folder that can be read"
        remedy = "Correct --data-root, HRNET_ZOO_DATA or the settings file."
        yield Finding(Area.DATA, "folder", wrong, found, remedy)
        return
    writable = "writable" if os.access(root, os.W_OK) else "read only, which will do"
    free = shutil.disk_usage(root).free / GIB
    yield Finding(Area.DATA, "folder", State.FINE, f"{root}: {free:.1f} GiB free, {writable}")
    absent = []
    candidates = [d for d in DATASETS.values() if d.download and d.name not in elsewhere]
    for dataset in candidates:
        findings = []
        if (root / dataset.root).is_dir() or root.resolve().match(dataset.root):
            findings = [*guarded(Area.DATA, dataset.name, partial(look_at, dataset, root, wrong))]
        yield from findings
        absent += [] if findings else [dataset.name]
    if len(absent) == len(candidates) and not elsewhere:
        found = f"{root} holds none: no folder {', '.join(sorted({d.root for d in candidates}))}"
        yield Finding(Area.DATA, "none", wrong, found, _as_expected("NAME"))
    elif absent:
        yield Finding(Area.DATA, "not there", State.FINE, ", ".join(absent))


def look_at(dataset: DataSet, folder: Path, wrong: State) -> list[Finding]:
    """List a data set's files, read no image, and say what is there; nothing if it is not.

    Args:
        dataset: what should be there.
        folder: the folder that holds the data set's own folder, or that folder itself.
        wrong: how good a data set is that cannot be used.
    """
    try:
        found = dataset.inventory(folder)
    except DatasetError:
        return []
    kinds = {kind for kind, _ in found.notes}
    if ProblemKind.ABSENT in kinds:
        return []
    count = f"{found.num_images} of {dataset.num_images} images"
    more = f'"hrnet-zoo data check {dataset.name}" says more, "data show" where to get it.'
    try:
        found.require_usable(dataset.title)
    except DatasetError as error:
        return [Finding(Area.DATA, dataset.name, wrong, f"{count}: {error}", more)]
    if kinds:
        remedy = f"A number of part of the images is no match. {more}"
        return [Finding(Area.DATA, dataset.name, State.NOTE, count, remedy)]
    return [Finding(Area.DATA, dataset.name, State.FINE, f"{count}, in {found.root}")]


def _as_expected(name: str) -> str:
    return f'"hrnet-zoo data show {name}" draws what is expected and says where to get it.'
