"""All records below a folder, and which files there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import Record, read_record
from hrnet_zoo.records.folder import Kind, RunFile, run_files, without_collector
from hrnet_zoo.records.timing import TimingRecord, read_timing

AnyRun = TypeVar("AnyRun", Record, TimingRecord)


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
    files = run_files(place)
    problems: list[str] = []
    with without_collector():
        return RecordSet(
            accuracies=_newest_first(files, "verify", read_record, problems),
            timings=_newest_first(files, "time", read_timing, problems),
            problems=problems,
        )


def _newest_first(
    files: Sequence[RunFile], kind: Kind, read: Callable[[Path], AnyRun], problems: list[str]
) -> list[Found[AnyRun]]:
    files = [file for file in files if file.kind == kind]
    last_in_folder = {file.path.parent: file for file in files}
    found = []
    for file in files:
        if file.is_empty and last_in_folder[file.path.parent] != file:
            continue  # that run was killed; one with a later run after it is history
        try:
            found.append(Found(record=read(file.path), path=file.path))
        except RecordError as error:
            problems.append(str(error))
    return sorted(found, key=lambda run: run.record.started_at)[::-1]
