"""Which files below a folder are records, in which order, and what is in them.

All that read records ask this module: JSON files at any depth count, without what begins with a dot
and without the index and the metadata of an RO-Crate. The file of a run that goes on or was killed
is empty: neither a record yet, nor damaged.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import Kind
from hrnet_zoo.records.files import FOLDERS, AnyRecord, kind_in_head, read_record
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.records.timing import TimingRecord

OneKind = TypeVar("OneKind", AccuracyRecord, TimingRecord, MemoryRecord)
SomeRecord = TypeVar("SomeRecord", bound=AnyRecord)

INDEX_NAME = "index.json"
CRATE_NAME = "ro-crate-metadata.json"
"""What describes a folder of records to others, and is none itself."""


@dataclass(frozen=True, kw_only=True)
class RunFile:
    """A file that is a record, or ought to be one."""

    path: Path
    size_bytes: int
    mtime_ns: int

    @property
    def is_empty(self) -> bool:
        """Whether its run goes on or was killed: that is how the file of a run begins."""
        return self.size_bytes == 0

    @property
    def usual_kind(self) -> Kind:
        """The kind that is written to such a place; of a file without content all that tells."""
        folder = self.path.parent.name
        return next((kind for kind, name in FOLDERS.items() if name == folder), "accuracy")

    @property
    def usual_row(self) -> str:
        """The row whose records are written to such a place."""
        folder = self.path.parent
        return (folder.parent if FOLDERS[self.usual_kind] else folder).name


@dataclass(frozen=True, kw_only=True)
class Found(Generic[SomeRecord]):
    """A record and where it is."""

    record: SomeRecord
    path: Path


@dataclass(frozen=True, kw_only=True)
class Unusable:
    """A file that ought to be a record."""

    file: RunFile
    reason: str
    """What is wrong with it, where it is, and what to do."""


def run_files(place: Path) -> list[RunFile]:
    """Return the records in a folder, at any depth, or the one that ``place`` is.

    In every folder they come in the order in which their runs began, so that sorting them by time
    keeps the order of runs of one second.
    """
    paths = [place] if place.is_file() else sorted(_json_files(place), key=_order)
    return [file for path in paths if (file := _stated(path)) is not None]


def read_files(files: Iterable[RunFile]) -> Iterator[Found[AnyRecord] | Unusable]:
    """Yield what is in each file, one after the other."""
    for file in files:
        try:
            yield Found(record=read_record(file.path), path=file.path)
        except RecordError as error:
            yield Unusable(file=file, reason=str(error))


def read_records(place: Path, kind: type[OneKind]) -> list[OneKind]:
    """Return the records of one kind, oldest first; none if there is no such folder.

    Raises:
        RecordError: a file where such records are written is damaged.
    """
    return [found.record for found in find_records(place, kind)]


def find_records(place: Path, kind: type[OneKind]) -> list[Found[OneKind]]:
    """Return `read_records` with where each is, and each as `without_classes`.

    Raises:
        RecordError: a file where such records are written is damaged.
    """
    wanted = kind.model_fields["kind"].default
    files = [file for file in run_files(place) if not file.is_empty]
    records = []
    for found in read_files(f for f in files if kind_in_head(f.path) in (None, wanted)):
        if isinstance(found, Unusable):
            if found.file.usual_kind == wanted:
                raise RecordError(found.reason)
        elif isinstance(found.record, kind):
            records.append(Found(record=without_classes(found.record), path=found.path))
    return sorted(records, key=lambda found: found.record.started_at)


def without_classes(record: SomeRecord) -> SomeRecord:
    """Return a record without the numbers of single classes.

    They are nine tenths of a record, and too much to keep of thousands; `read_record` has them.
    """
    if not isinstance(record, AccuracyRecord):
        return record
    lean = [each.model_copy(update={"classes": []}) for each in record.measurements]
    return record.model_copy(update={"measurements": lean})


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
            if name.startswith(".") or name in (INDEX_NAME, CRATE_NAME):
                continue
            if name.endswith(".json"):
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
    return RunFile(path=path, size_bytes=stat.st_size, mtime_ns=stat.st_mtime_ns)


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
