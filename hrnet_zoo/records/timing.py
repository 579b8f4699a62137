"""What one run of `time` observed, as a JSON file: every latency, and what it was taken under.

It lies beside the records of accuracy, in a folder of its own: <folder>/<row>/timings/<time>.json.
Medians and speed-ups are computed from it, as verdicts are.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime

from hrnet_zoo.records.accuracy import CheckpointUsed, new_record_path, read_as
from hrnet_zoo.records.folder import TIMINGS, read_runs
from hrnet_zoo.records.migrations import Migrations
from hrnet_zoo.system.strict import Part
from hrnet_zoo.timing.observations import (
    InputTimed,
    MachineState,
    SamplingUsed,
    TrainedFigure,
    TwinSamples,
    VariantTimed,
    Weights,
    Work,
)
from hrnet_zoo.zoo.row import EditionName, Task

TIMING_VERSION = 1
"""Raised whenever a field changes its meaning."""

TIMING_MIGRATIONS: Migrations = {}
"""From each earlier version to the next. Version 1 was the first, so there is none yet."""


class TimingRecord(Part):
    """One run of `time` on one row."""

    schema_version: Literal[1] = 1
    row: str
    edition: EditionName = "readme"
    """Whose file and preprocessing were taken."""
    task: Task
    documented_fps: str | None
    """As printed; measured by the authors on another machine."""
    started_at: AwareDatetime
    finished_at: AwareDatetime
    device: str
    num_threads: int
    """Threads torch uses within one operation on the CPU."""
    keeps_freed_memory: bool = False
    """Whether large blocks were used again rather than mapped anew; faster on CPUs."""
    weights: Weights
    checkpoint: CheckpointUsed | None = None
    """None for filled weights."""
    input: InputTimed
    sampling: SamplingUsed | None
    """None if only twins were timed."""
    variants: list[VariantTimed]
    twins: list[TwinSamples] = []
    trained: list[TrainedFigure] = []
    """One for each lower precision that was timed."""
    work: Work | None = None
    machine: MachineState
    """While sampling, not while making ready."""
    environment: dict[str, Any]


def new_timing_path(folder: Path, row: str, started_at: datetime) -> Path:
    """Create an empty file for a row's timings and return its path.

    Raises:
        RecordError: the folder cannot be written to.
    """
    return new_record_path(folder / row, TIMINGS, started_at)


def read_timing(path: Path) -> TimingRecord:
    """Return the timings in a file.

    Raises:
        RecordError: the file is unreadable, damaged, or from a newer version.
    """
    return read_as(TimingRecord, path, TIMING_VERSION, TIMING_MIGRATIONS)


def read_timings(folder: Path) -> Iterator[TimingRecord]:
    """Yield all timings below ``folder``, oldest first; none if there is no such folder.

    A file is empty until its run is complete; those of runs that go on or were killed are no
    timings yet.

    Raises:
        RecordError: one of the files is no such record.
    """
    yield from read_runs(folder, "time", read_timing)
