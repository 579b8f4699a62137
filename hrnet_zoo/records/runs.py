"""The runs in a folder of records, each in one line; files that are not records are named.

The files are the truth. index.json is a cache that only saves reading those that did not change,
and can be deleted at any time. What it says of a file counts only as long as the file has the same
size and time: a folder of records can be copied, merged and edited by hand, and an index that had
to be right could not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError
from pydantic_core import PydanticSerializationError

from hrnet_zoo.errors import RecordError, UsageError, did_you_mean
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import Kind, Status
from hrnet_zoo.records.files import AnyRecord, read_record, writing
from hrnet_zoo.records.folder import INDEX_NAME, RunFile, run_files
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.strict import Part
from hrnet_zoo.system.whole_file import write_whole
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.zoo.row import EditionName

INDEX_VERSION: Literal[3] = 3
"""An index of another version is not used."""
_LARGEST_BYTES = 256 * 1024**2
"""Of an index; it has some hundred for a run."""


class Run(Part):
    """One run, as far as a list shows it."""

    file: str
    """Path below the folder of records, with slashes."""
    size_bytes: int
    mtime_ns: int
    """When the file was written; another size or time means that it changed."""
    kind: Kind
    row: str
    edition: EditionName | None = None
    """None where the file is still empty."""
    status: Status
    started_at: AwareDatetime
    device: str | None = None
    num_images: int | None = None
    """Evaluated; None where there was nothing to evaluate."""
    values: dict[str, float | None] = {}
    """Accuracies by metric, in percent; median latencies by variant and batch, in ms; or the
    memory of a training step, in GiB."""
    version: str | None = None
    """Of hrnet-zoo."""


class _Index(Part):
    index_version: Literal[3] = INDEX_VERSION
    runs: list[Run]


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


def index_file(folder: Path) -> Path:
    """Return where the index of a folder of records is."""
    return folder / INDEX_NAME


def open_store(folder: Path) -> Store:
    """Return all runs below a folder, reading only the files that the index does not know."""
    try:
        known = _Index.model_validate_json(read_regular(index_file(folder), _LARGEST_BYTES)).runs
    except (OSError, ValidationError):  # missing, damaged or of another version
        known = []
    return _read_store(folder, {run.file: run for run in known})


def rebuild_index(folder: Path) -> Store:
    """Read every record of a folder, write its index, and return what was found.

    Raises:
        RecordError: the index cannot be written.
    """
    store = _read_store(folder, {})
    write_index(store)
    return store


def write_index(store: Store) -> None:
    """Write the index of a folder, replacing an earlier one in one step.

    Raises:
        RecordError: the index cannot be written.
    """
    path = index_file(store.folder)
    lines = ",\n".join(filter(None, map(_line, store.runs)))
    with writing("index", path, "Records can be listed without it."):
        write_whole(path, f'{{"index_version": {INDEX_VERSION}, "runs": [\n{lines}\n]}}\n')


def _line(run: Run) -> str | None:
    """Return a run for the index; None: no file can hold its name, so it is read each time."""
    try:
        return run.model_dump_json()
    except PydanticSerializationError:  # not UTF-8
        return None


def _read_store(folder: Path, known: dict[str, Run]) -> Store:
    """Return all runs below a folder; none if there is no such folder.

    Args:
        folder: of the records.
        known: runs of an index; files that are as old and as large as there are not read.
    """
    runs, damaged = [], []
    for file in run_files(folder):
        name = file.path.relative_to(folder).as_posix()
        run = known.get(name)
        if run is None or (run.size_bytes, run.mtime_ns) != (file.size_bytes, file.mtime_ns):
            try:
                run = _read(name, file)
            except RecordError as error:
                damaged.append(str(error))
                continue
        runs.append(run)
    runs.sort(key=lambda run: run.started_at)
    return Store(folder=folder, runs=runs[::-1], damaged=damaged)


def _read(name: str, file: RunFile) -> Run:
    # Size and time are those before reading: a file that changes in between is read again next
    # time.
    run = partial(Run, file=name, size_bytes=file.size_bytes, mtime_ns=file.mtime_ns)
    if file.is_empty:
        return run(
            kind=file.usual_kind,
            row=file.usual_row,
            status="started",
            started_at=datetime.fromtimestamp(file.mtime_ns // 10**9, UTC),
        )
    record = read_record(file.path)
    status, device, num_images, values = _found(record)
    return run(
        kind=record.kind,
        row=record.row,
        edition=record.edition,
        status=status,
        started_at=record.started_at,
        device=device,
        num_images=num_images,
        values=values,
        version=record.environment.packages.get("hrnet-zoo"),
    )


def _found(record: AnyRecord) -> tuple[Status, str | None, int | None, dict[str, float | None]]:
    """Return how a run ended, on which device, over how many images, and with what values."""
    if isinstance(record, AccuracyRecord):
        device = record.settings.device if record.settings else None
        num_images = record.dataset.num_images if record.dataset else None
        return record.status, device, num_images, {m.metric: m.value for m in record.measurements}
    if isinstance(record, MemoryRecord):
        peaks = {"predicted": record.training.predicted, "measured": record.training.measured}
        sizes = {name: size / GIB for name, size in peaks.items() if size is not None}
        return "not_run" if record.problem else "completed", record.device, None, {**sizes}
    latencies = {v.title: 1000 * v.latency_s for v in record.variants if v.seconds}
    return "completed", record.device, None, {**latencies}
