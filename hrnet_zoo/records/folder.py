"""Which files below a folder are records, and in which order: one rule for all that read them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol, TypeVar

Kind = Literal["verify", "time"]
"""The command that writes such records."""

TIMINGS = "timings"
"""Name of the folders that hold records of `time`."""

INDEX_NAME = "index.json"


class _Begun(Protocol):
    @property
    def started_at(self) -> datetime: ...


AnyRun = TypeVar("AnyRun", bound=_Begun)


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """A file that is a record, or ought to be one."""

    path: Path
    kind: Kind
    size_bytes: int
    mtime_ns: int

    @property
    def is_empty(self) -> bool:
        """Say whether its run goes on or was killed: that is how the file of a run begins."""
        return self.size_bytes == 0


def kind_of(path: Path) -> Kind:
    """Return which command writes a record to this path."""
    return "time" if path.parent.name == TIMINGS else "verify"


def run_files(place: Path) -> list[RunFile]:
    """Return the records in a folder, at any depth, or the one that ``place`` is.

    In every folder they come in the order in which their runs began, so that sorting them by time
    keeps the order of runs of one second. What begins with a dot is no record.
    """
    paths = [place] if place.is_file() else sorted(_json_files(place), key=_order)
    return [file for path in paths if (file := _stated(path)) is not None]


def read_runs(place: Path, kind: Kind, read: Callable[[Path], AnyRun]) -> list[AnyRun]:
    """Return the records of one kind, oldest first; none if there is no such folder.

    Raises:
        RecordError: ``read`` finds that one of the files is no record.
    """
    files = [file for file in run_files(place) if file.kind == kind and not file.is_empty]
    return sorted((read(file.path) for file in files), key=lambda run: run.started_at)


def _json_files(folder: Path) -> Iterator[Path]:
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(".json") and not name.startswith(".") and name != INDEX_NAME:
                yield Path(parent, name)


def _order(path: Path) -> tuple[Path, str, int, str]:
    # Runs of one second are called <time>.json, <time>-2.json, ... <time>-10.json.
    return path.parent, path.stem.partition("-")[0], len(path.name), path.name


def _stated(path: Path) -> RunFile | None:
    try:
        stat = path.stat()
    except OSError:
        if not path.is_symlink():
            return None  # deleted meanwhile
        stat = path.lstat()  # it leads nowhere; reading it will say so
    return RunFile(
        path=path, kind=kind_of(path), size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns
    )


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the garbage collector from walking over all records again whenever more were read.

    They hold no cycles; reading ten thousand takes half the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
