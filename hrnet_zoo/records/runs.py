"""The runs in a folder of records, each in one line; files that are no records are named.

The files are the truth. An index (`store/index.py`) only saves reading those that did not change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from hrnet_zoo.errors import RecordError, UsageError, did_you_mean
from hrnet_zoo.records.accuracy import Record, Status, read_record
from hrnet_zoo.records.folder import Kind, RunFile, run_files
from hrnet_zoo.records.timing import TimingRecord, read_timing
from hrnet_zoo.timing.medians import median
from hrnet_zoo.zoo.row import EditionName


class Run(BaseModel):
    """One run of `verify` or `time`, as far as a list shows it."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    file: str
    """Path below the folder of records, with slashes."""
    size_bytes: int
    mtime_ns: int
    """When the file was written; another size or time means that it changed."""
    kind: Kind
    row: str
    edition: EditionName | None
    """None for a run of `time`, which knows no editions, and where the file is empty yet."""
    status: Status
    started_at: AwareDatetime
    device: str | None
    num_images: int | None
    """Evaluated; None for a run of `time`, and where the run got to know none."""
    values: dict[str, float | None]
    """Accuracies by metric, in percent; or median latencies by variant and batch, in ms."""
    version: str | None
    """Of hrnet-zoo."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """What is in a folder of records."""

    folder: Path
    runs: list[Run]
    """Newest first."""
    damaged: list[str]
    """One message for each file that is no record."""

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
            f'"{row}" is no file, and no row with a record in {self.folder}.{close} '
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
    if file.is_empty:
        said = _of_run_in_progress(file)
    elif file.kind == "time":
        said = _of_timing(read_timing(file.path))
    else:
        said = _of_record(read_record(file.path))
    return Run(
        file=file.path.relative_to(folder).as_posix(),
        # As they were before reading: a file that changes in between is read again next time.
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
        kind=file.kind,
        **said,
    )


def _of_record(record: Record) -> dict[str, Any]:
    return {
        "row": record.row,
        "edition": record.edition,
        "status": record.status,
        "started_at": record.started_at,
        "device": record.settings.device if record.settings else None,
        "num_images": record.dataset.num_images if record.dataset else None,
        "values": {m.metric: m.value for m in record.measurements},
        "version": _version(record.environment),
    }


def _of_timing(record: TimingRecord) -> dict[str, Any]:
    medians = {v.title: 1000 * median(v.seconds) for v in record.variants if v.seconds}
    return {
        "row": record.row,
        "edition": None,
        "status": "completed",
        "started_at": record.started_at,
        "device": record.device,
        "num_images": None,
        "values": medians,
        "version": _version(record.environment),
    }


def _of_run_in_progress(file: RunFile) -> dict[str, Any]:
    folder = file.path.parent
    return {
        "row": (folder.parent if file.kind == "time" else folder).name,
        "edition": None,
        "status": "started",
        "started_at": datetime.fromtimestamp(file.mtime_ns // 10**9, UTC),
        "device": None,
        "num_images": None,
        "values": {},
        "version": None,
    }


def _version(environment: dict[str, Any]) -> str | None:
    packages = environment.get("packages")
    version = packages.get("hrnet-zoo") if isinstance(packages, dict) else None
    return version if isinstance(version, str) else None
