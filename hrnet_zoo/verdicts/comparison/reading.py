"""All records below a folder that can be compared, and which files are none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import (
    Found,
    RunFile,
    SomeRecord,
    Unusable,
    read_files,
    run_files,
    without_collector,
)
from hrnet_zoo.records.timing import TimingRecord


@dataclass(frozen=True, kw_only=True)
class RecordSet:
    """One side of a comparison."""

    accuracies: list[Found[AccuracyRecord]]
    """Newest first."""
    timings: list[Found[TimingRecord]]
    """Newest first."""
    problems: list[str]
    """One message for each file that is not a usable record."""

    def __len__(self) -> int:
        return len(self.accuracies) + len(self.timings)


def read_side(place: Path) -> RecordSet:
    """Return the records in a folder, at any depth, or the record in a file."""
    accuracies: list[Found[AccuracyRecord]] = []
    timings: list[Found[TimingRecord]] = []
    problems = []
    with without_collector():
        for found in read_files(_without_history(run_files(place))):
            if isinstance(found, Unusable):
                problems.append(found.reason)
            elif isinstance(found.record, AccuracyRecord):
                accuracies.append(Found(record=found.record, path=found.path))
            elif isinstance(found.record, TimingRecord):
                timings.append(Found(record=found.record, path=found.path))
    return RecordSet(
        accuracies=_newest_first(accuracies), timings=_newest_first(timings), problems=problems
    )


def _without_history(files: list[RunFile]) -> Iterable[RunFile]:
    """Leave out empty files that a later run followed: those runs were killed, and done again.

    One that nothing ran after stays and is a problem: a gate must not pass for want of a run.
    Memory is not compared, so none is wanted there.
    """
    last_in_folder = {file.path.parent: file for file in files}
    return (
        file
        for file in files
        if not file.is_empty
        or (file.usual_kind != "memory" and last_in_folder[file.path.parent] == file)
    )


def _newest_first(runs: list[Found[SomeRecord]]) -> list[Found[SomeRecord]]:
    return sorted(runs, key=lambda run: run.record.started_at)[::-1]
