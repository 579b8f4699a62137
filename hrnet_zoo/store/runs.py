"""The runs in a folder of records, each in one line; files that are no records are named.

The files are the truth. An index (`store/index.py`) only saves reading those that did not change.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from hrnet_zoo.errors import RecordError, UsageError, did_you_mean
from hrnet_zoo.medians import median
from hrnet_zoo.records import Record, Status, read_record
from hrnet_zoo.row import EditionName
from hrnet_zoo.timing_records import TimingRecord, read_timing

Kind = Literal["verify", "time"]


class Run(BaseModel):
    """One run of `verify` or `time`, as far as a list shows it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    file: str
    """Path below the folder of records, with slashes."""
    size_bytes: int
    mtime_ns: int
    """When the file was written; another size or time means that it changed."""
    kind: Kind
    row: str
    edition: EditionName | None
    """None for a run of `time`, which knows no editions."""
    status: Status
    started_at: AwareDatetime
    device: str | None
    values: dict[str, float | None]
    """Accuracies by metric, in percent; or median latencies by variant, in ms."""
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
    for path, kind in _files(folder):
        try:
            stat = path.stat()
        except FileNotFoundError:
            continue  # deleted meanwhile
        run = by_file.get(path.relative_to(folder).as_posix())
        if run is None or (run.size_bytes, run.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
            try:
                run = _read(folder, path, kind)
            except RecordError as error:
                damaged.append(str(error))
                continue
        runs.append(run)
    # The file's name decides between runs that began in the same second: "-10" comes after "-9".
    runs.sort(key=lambda run: (run.started_at, len(run.file), run.file), reverse=True)
    return Store(folder=folder, runs=runs, damaged=damaged)


def kind_of(path: Path) -> Kind:
    """Return which command writes a record to this path."""
    return "time" if path.parent.name == "timings" else "verify"


def _files(folder: Path) -> Iterator[tuple[Path, Kind]]:
    for pattern in ("*/*.json", "*/timings/*.json"):
        for path in sorted(folder.glob(pattern)):
            yield path, kind_of(path)


def _read(folder: Path, path: Path, kind: Kind) -> Run:
    stat = path.stat()  # before reading: a file that changes in between is read again next time
    if kind == "time":
        said = _of_timing(read_timing(path)) if stat.st_size else _of_unfinished_timing(path, stat)
    else:
        said = _of_record(read_record(path))
    return Run(
        file=path.relative_to(folder).as_posix(),
        size_bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        kind=kind,
        **said,
    )


def _of_record(record: Record) -> dict[str, Any]:
    return {
        "row": record.row,
        "edition": record.edition,
        "status": record.status,
        "started_at": record.started_at,
        "device": record.settings.device if record.settings else None,
        "values": {m.metric: m.value for m in record.measurements},
        "version": _version(record.environment),
    }


def _of_timing(record: TimingRecord) -> dict[str, Any]:
    medians = {v.name: 1000 * median(v.seconds) for v in record.variants if v.seconds}
    return {
        "row": record.row,
        "edition": None,
        "status": "completed",
        "started_at": record.started_at,
        "device": record.device,
        "values": medians,
        "version": _version(record.environment),
    }


def _of_unfinished_timing(path: Path, stat: os.stat_result) -> dict[str, Any]:
    # The file of a run of "time" is empty until the run is complete.
    return {
        "row": path.parent.parent.name,
        "edition": None,
        "status": "started",
        "started_at": datetime.fromtimestamp(int(stat.st_mtime), UTC),
        "device": None,
        "values": {},
        "version": None,
    }


def _version(environment: dict[str, Any]) -> str | None:
    packages = environment.get("packages")
    version = packages.get("hrnet-zoo") if isinstance(packages, dict) else None
    return version if isinstance(version, str) else None
