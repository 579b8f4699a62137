"""All records below a folder, and which files there are none."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records import Record, read_record
from hrnet_zoo.timing_records import TimingRecord, read_timing

AnyRun = TypeVar("AnyRun", Record, TimingRecord)

_TIMINGS = "timings"
_OTHER_FOLDERS = ("memory",)
_OTHER_FILES = ("index.json",)
"""What lies among records and is something else."""


@dataclass(frozen=True, kw_only=True)
class Found(Generic[AnyRun]):
    """A record and where it is."""

    record: AnyRun
    path: Path


@dataclass(frozen=True, kw_only=True)
class RecordSet:
    """One side of a comparison."""

    accuracies: list[Found[Record]]
    """Newest first."""
    timings: list[Found[TimingRecord]]
    """Newest first."""
    problems: list[str]
    """One message for each file that is no usable record."""

    def __len__(self) -> int:
        return len(self.accuracies) + len(self.timings)


def read_side(place: Path) -> RecordSet:
    """Return the records in a folder, at any depth, or the record in a file."""
    paths = [place] if place.is_file() else sorted(place.rglob("*.json"))
    kinds: dict[bool, list[Path]] = {False: [], True: []}
    for path in paths:
        if path.parent.name not in _OTHER_FOLDERS and path.name not in _OTHER_FILES:
            kinds[path.parent.name == _TIMINGS].append(path)
    problems: list[str] = []
    with _without_collector():
        return RecordSet(
            accuracies=_newest_first(kinds[False], read_record, problems),
            timings=_newest_first(kinds[True], read_timing, problems),
            problems=problems,
        )


@contextmanager
def _without_collector() -> Iterator[None]:
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


def _newest_first(
    paths: Iterable[Path], read: Callable[[Path], AnyRun], problems: list[str]
) -> list[Found[AnyRun]]:
    found = []
    last_in_folder = {path.parent: path for path in paths}
    for path in paths:
        try:
            if path.stat().st_size:
                found.append(Found(record=read(path), path=path))
            elif last_in_folder[path.parent] == path:
                # A run begins with an empty file; one with a later run after it is history.
                problems.append(f"{path} is empty: the run is going on, or was killed.")
        except (RecordError, OSError) as error:
            problems.append(str(error))
    return sorted(found, key=lambda run: run.record.started_at, reverse=True)
