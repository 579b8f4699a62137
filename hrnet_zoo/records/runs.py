"""The runs in a folder of records, each in one line; files that are not records are named.

The files are the truth. An index (`index.py`) only saves reading those that did not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime

from hrnet_zoo.errors import RecordError, UsageError, did_you_mean
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import Kind, Status
from hrnet_zoo.records.files import AnyRecord, read_record
from hrnet_zoo.records.folder import RunFile, run_files
from hrnet_zoo.records.memory import GIB, MemoryRecord
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.strict import Part
from hrnet_zoo.timing.medians import median
from hrnet_zoo.zoo.row import EditionName


class Run(Part):
    """One run, as far as a list shows it."""

    file: str
    """Path below the folder of records, with slashes."""
    size_bytes: int
    mtime_ns: int
    """When the file was written; another size or time means that it changed."""
    kind: Kind
    row: str
    edition: EditionName | None
    """None where the file is still empty."""
    status: Status
    started_at: AwareDatetime
    device: str | None
    num_images: int | None
    """Evaluated; None where there was nothing to evaluate."""
    values: dict[str, float | None]
    """Accuracies by metric, in percent; median latencies by variant and batch, in ms; or the
    memory of a training step, in GiB."""
    version: str | None
    """Of hrnet-zoo."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """What is in a folder of records."""

    folder: Path
    runs: list[Run]
    """Newest first."""
    damaged: list[str]
    """One message for each file that is not a record."""

    def newest(self, row: str) -> Run:
        """Return the newest run of a row.

        Raises:
            UsageError: there is none.
        """
        for run in self.runs:
            if run.row == row:
                return run
        close = did_you_mean(row, {run.row for run in self.runs})
        msg = (
            f'"{row}" is neither a file nor a row with a record in {self.folder}.{close} '
            '"hrnet-zoo records list" prints all files.'
        )
        raise UsageError(msg)

    def select(
        self, patterns: Iterable[str], status: Status | None, since: datetime | None
    ) -> list[Run]:
        """Return the runs that fit all criteria, newest first.

        Args:
            patterns: names of rows, in which "*", "?" and "[...]" stand for others; one of them
                has to fit, if there are any.
            status: of the run.
            since: when the run began, at the earliest.

        Raises:
            UsageError: a pattern fits no row that has a record.
        """
        rows = {run.row for run in self.runs}
        wanted = set() if patterns else rows
        for pattern in patterns:
            fitting = {row for row in rows if fnmatchcase(row, pattern)}
            if not fitting:
                msg = f'No row with a record in {self.folder} is called "{pattern}".'
                raise UsageError(msg + did_you_mean(pattern, rows))
            wanted |= fitting
        return [
            run
            for run in self.runs
            if run.row in wanted
            and status in (None, run.status)
            and (since is None or run.started_at >= since)
        ]


def read_store(folder: Path, known: Iterable[Run] = ()) -> Store:
    """Return all runs below a folder; none if there is no such folder.

    Args:
        folder: of the records.
        known: runs of an index; files that are as old and as large as there are not read.
    """
    by_file = {run.file: run for run in known}
    runs, damaged = [], []
    for file in run_files(folder):
        run = by_file.get(file.path.relative_to(folder).as_posix())
        if run is None or (run.size_bytes, run.mtime_ns) != (file.size_bytes, file.mtime_ns):
            try:
                run = _read(folder, file)
            except RecordError as error:
                damaged.append(str(error))
                continue
        runs.append(run)
    runs.sort(key=lambda run: run.started_at)
    return Store(folder=folder, runs=runs[::-1], damaged=damaged)


def _read(folder: Path, file: RunFile) -> Run:
    said = _of_run_in_progress(file) if file.is_empty else _of_record(read_record(file.path))
    return Run(
        file=file.path.relative_to(folder).as_posix(),
        # As they were before reading: a file that changes in between is read again next time.
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
        **said,
    )


def _of_record(record: AnyRecord) -> dict[str, Any]:
    said = {
        "kind": record.kind,
        "row": record.row,
        "edition": record.edition,
        "started_at": record.started_at,
        "version": record.environment.packages.get("hrnet-zoo"),
    }
    if isinstance(record, AccuracyRecord):
        return said | _of_accuracy(record)
    values = _latencies(record) if isinstance(record, TimingRecord) else _sizes(record)
    failed = isinstance(record, MemoryRecord) and record.problem is not None
    return said | {
        "status": "not_run" if failed else "completed",
        "device": record.device,
        "num_images": None,
        "values": values,
    }


def _of_accuracy(record: AccuracyRecord) -> dict[str, Any]:
    return {
        "status": record.status,
        "device": record.settings.device if record.settings else None,
        "num_images": record.dataset.num_images if record.dataset else None,
        "values": {m.metric: m.value for m in record.measurements},
    }


def _latencies(record: TimingRecord) -> dict[str, float]:
    return {v.title: 1000 * median(v.seconds) for v in record.variants if v.seconds}


def _sizes(record: MemoryRecord) -> dict[str, float]:
    sizes = {"predicted": record.training.predicted, "measured": record.training.measured}
    return {name: size / GIB for name, size in sizes.items() if size is not None}


def _of_run_in_progress(file: RunFile) -> dict[str, Any]:
    return {
        "kind": file.usual_kind,
        "row": file.usual_row,
        "edition": None,
        "status": "started",
        "started_at": datetime.fromtimestamp(file.mtime_ns // 10**9, UTC),
        "device": None,
        "num_images": None,
        "values": {},
        "version": None,
    }
