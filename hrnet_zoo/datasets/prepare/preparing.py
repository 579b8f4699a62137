"""Prepares a data set: carries out its plan, and puts files in place whole or not at all."""

from __future__ import annotations

import errno
import shutil
from collections import ChainMap, Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from hrnet_zoo.datasets.checking import in_threads
from hrnet_zoo.datasets.data_set import DataSet, Preparer
from hrnet_zoo.datasets.images import decode_image, decode_label, read_bytes
from hrnet_zoo.datasets.prepare.archives import open_source
from hrnet_zoo.datasets.prepare.plan import Outputs, Plan
from hrnet_zoo.errors import DatasetError, UsageError
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.system.wording import and_more

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, kw_only=True)
class FolderSummary:
    """What a preparation did in one output folder."""

    folder: str
    """Below the data set's folder."""
    written: int
    already_there: int
    expected: int | None
    """Files the official download makes; None: not counted."""

    @property
    def is_complete(self) -> bool:
        """Whether these are as many files as the official download makes."""
        return self.expected in (None, self.written + self.already_there)


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """What a preparation did."""

    name: str
    root: Path
    """The data set's folder."""
    folders: tuple[FolderSummary, ...]

    @property
    def written(self) -> int:
        """Files written by this run."""
        return sum(folder.written for folder in self.folders)

    @property
    def already_there(self) -> int:
        """Files that were there already with the same content."""
        return sum(folder.already_there for folder in self.folders)

    @property
    def is_complete(self) -> bool:
        """Whether the official download was complete, by the number of files it made."""
        return all(folder.is_complete for folder in self.folders)


def prepare(
    dataset: DataSet,
    source: Path,
    data_root: Path,
    *,
    splits: tuple[str, ...] = ("val",),
    workers: int,
    progress: Progress,
    overwrite: bool = False,
) -> PrepareSummary:
    """Make the files that evaluation reads; the same call again goes on after an interruption.

    Args:
        dataset: what is to be prepared.
        source: folder of the official download, unpacked or as zip files; or one zip file.
        data_root: the folder that holds the data sets' own folders.
        splits: "val", "train" or both.
        workers: source images in work at a time.
        progress: told about every source image.
        overwrite: replace existing files whose content differs; otherwise they are an error.

    Raises:
        UsageError: this split of the data set needs no preparation.
        DatasetError: the download is incomplete or damaged, a different file is in the way, the
            output cannot be written, or another process is preparing the same data set.
    """
    preparer = _preparer(dataset, splits, workers)
    root = data_root / dataset.root
    with open_source(source, preparer.zips) as opened:
        plan = preparer.plan(opened, splits, root)
        if plan.remark:
            progress.say(plan.remark)
        _check_space(root, plan)
        with _alone(root, dataset.title):
            progress.begin(f"prepare {dataset.title}", len(plan.pieces), "images")
            was_written = _carry_out(plan, root, workers, progress, overwrite=overwrite)
    # Sums are by the folders that have an expected number; their subfolders count for them.
    sums = {folder: Counter[bool]() for folder in plan.expected}
    for path, written in sorted(was_written.items()):
        own = path.rpartition("/")[0]
        folder = next((f for f in plan.expected if path.startswith(f"{f}/")), own)
        sums.setdefault(folder, Counter())[written] += 1
    folders = tuple(
        FolderSummary(
            folder=folder,
            written=sums[folder][True],
            already_there=sums[folder][False],
            expected=plan.expected.get(folder),
        )
        for folder in sums
    )
    for one in folders:
        if not one.is_complete:
            progress.say(
                f"{one.folder} got {one.written + one.already_there} files; the complete download "
                f"makes {one.expected}. Add what {source} lacks, and give the same command again."
            )
    return PrepareSummary(name=dataset.name, root=root, folders=folders)


def _preparer(dataset: DataSet, splits: tuple[str, ...], workers: int) -> Preparer:
    how = f" {dataset.download.preparation}" if dataset.download else ""
    preparer = dataset.preparer
    if preparer is None:
        msg = f"{dataset.title} needs no preparation.{how}"
        raise UsageError(msg)
    unknown = [split for split in splits if split not in ("val", "train")]
    if unknown or not splits:
        msg = f"A split to prepare is val or train, not {unknown[0] if unknown else 'none'!r}."
        raise UsageError(msg)
    ready = [split for split in splits if split not in preparer.splits]
    if ready:
        msg = (
            f"The {ready[0]} split of {dataset.title} needs no preparation; only "
            f"{' and '.join(preparer.splits)} does.{how}"
        )
        raise UsageError(msg)
    if workers < 1:
        msg = f"There must be at least 1 worker, not {workers}."
        raise UsageError(msg)
    return preparer


def _check_space(root: Path, plan: Plan) -> None:
    """Refuse to begin what cannot end: raise DatasetError if the output will not fit."""
    if not plan.least_bytes:
        return
    present = sum(f.stat().st_size for folder in plan.expected for f in (root / folder).glob("*"))
    existing = next(path for path in (root, *root.parents) if path.exists())
    missing, free = plan.least_bytes - present, shutil.disk_usage(existing).free
    if missing > free:
        msg = (
            f"The prepared files take at least {missing / 1e9:.1f} GB more, and only "
            f"{free / 1e9:.1f} GB are free at {existing}. Make room there, or pass another "
            "--data-root."
        )
        raise DatasetError(msg)


@contextmanager
def _alone(root: Path, title: str) -> Iterator[None]:
    """Keep a second preparation of the same folder out."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".prepare.lock", timeout=0)
        lock.acquire()
    except Timeout:
        msg = f"Another process is preparing {title} in {root}. Wait until it is done."
        raise DatasetError(msg) from None
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        msg = f"{root} cannot be written to: {reason}. Pass another --data-root."
        raise DatasetError(msg) from error
    try:
        yield
    finally:
        lock.release()


def _carry_out(
    plan: Plan, root: Path, workers: int, progress: Progress, *, overwrite: bool
) -> dict[str, bool]:
    """Do all pieces; return for every output whether it was written or there already.

    Threads suffice: decoding, encoding, unzipping and table look-ups all release the
    interpreter's lock. Memory is bounded, for each thread holds one source image at a time.
    """
    do = partial(_do, root=root, overwrite=overwrite)
    return dict(ChainMap(*in_threads(do, plan.pieces, workers, progress)))


def _do(make: Callable[[], Outputs], root: Path, *, overwrite: bool) -> dict[str, bool]:
    was_written = {}
    different = []
    for path, content in make():
        target = root / path
        is_there = target.exists()
        was_written[path] = not is_there or not _holds(target, content)
        if was_written[path] and is_there and not overwrite:
            different.append(path)
        elif was_written[path]:
            _place(target, content if isinstance(content, bytes) else _encode(content))
    if different:
        msg = (
            f"{len(different)} files are already there with other content: "
            f"{and_more(different, 4)}. Nothing was replaced. Pass --overwrite to replace such "
            "files, or prepare into another --data-root."
        )
        raise DatasetError(msg)
    return was_written


def _holds(target: Path, content: NDArray[np.uint8] | bytes) -> bool:
    """Whether a file holds this content; how its pixels are compressed does not matter."""
    present = read_bytes(target)
    if isinstance(content, bytes):
        return present == content
    decode = decode_label if content.ndim == 2 else decode_image
    try:
        return np.array_equal(decode(present, target), content)
    except DatasetError:
        return False


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    if pixels.ndim == 3:
        pixels = pixels[:, :, ::-1]
    _, buffer = cv2.imencode(".png", np.ascontiguousarray(pixels))
    return buffer.tobytes()


def _place(target: Path, content: bytes) -> None:
    # One name per target: what a killed run left behind is used up by the next one. The dot
    # hides it from those who list the folder.
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        advice = "Make it a folder that you can write to"
        if error.errno in _DISK_FULL:
            advice = "Make room there and give the same command again; it goes on where it stopped"
        msg = f"{target} cannot be written: {error.strerror or error}. {advice}."
        raise DatasetError(msg) from error
