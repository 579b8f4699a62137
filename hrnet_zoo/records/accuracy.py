"""What one run observed, as a JSON file: values, inputs, settings, machine. Never a verdict.

Verdicts are computed from a record and the manifest, so that tolerances can change without
running anything again. Completed records are made to be committed and passed on: they know files by
their hashes and hold no folders of the machine. This module knows neither torch nor tolerances.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
)

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.folder import read_runs
from hrnet_zoo.records.migrations import Migrations, accuracy_2, migrate
from hrnet_zoo.system.strict import Part
from hrnet_zoo.system.whole_file import write_whole
from hrnet_zoo.tasks.scored import ProtocolUsed, Scored
from hrnet_zoo.zoo.row import EditionName

SCHEMA_VERSION = 2
"""Raised whenever a field changes its meaning; older files are then migrated when read."""

MIGRATIONS: Migrations = {1: accuracy_2}
"""From each earlier version to the next."""

Status = Literal["started", "completed", "not_run", "error", "interrupted"]
AnyRecord = TypeVar("AnyRecord", bound=BaseModel)


class CheckpointUsed(Part):
    """The weights that were evaluated."""

    file_name: str
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole file."""
    size_bytes: int
    url: str | None
    """Where the row says the file comes from; None if the user named a file."""
    extra_keys: list[str] = []
    """Tensors in the file that the network has no use for; they were left out."""


class DatasetUsed(Part):
    """The files that were evaluated."""

    name: str
    num_images: int
    """Images evaluated."""
    num_images_found: int
    """Images in the data set as found on disk."""
    fingerprint: str
    """SHA-256 over the names and contents of all evaluated images and labels."""


class Measurement(Scored):
    """One measured number of a table, with what it rests on."""

    metric: str
    protocol: ProtocolUsed | None = None
    """How images were looked at; None of what the network alone tells."""


class Timings(Part):
    """Seconds spent per stage, summed over images; decoding overlaps with the others."""

    wall_s: float
    decode_s: float
    """Reading, decoding and resizing, in worker threads."""
    waiting_s: float | None = None
    """How long the network stood still for want of a decoded image; old records do not say."""
    forward_s: float
    """Copying to the device, normalising, network, resizing logits."""
    post_s: float
    """From scores to labels, or from detections to coded masks."""
    metric_s: float
    """Confusion matrix, or COCO's AP."""
    num_workers: int | None = None
    """Threads that decoded images, at most."""
    bottleneck: str | None = None
    """The stage with the largest share; decoding counts by how long the others waited for it."""


class Settings(Part):
    """The numerical settings in force."""

    device: str
    dtype: Literal["float32"]
    tf32: bool
    cudnn_benchmark: bool
    cudnn_deterministic: bool
    memory_format: Literal["channels_last"]
    batch_norm_folded: bool = False
    """Whether BatchNorm was folded into the convolutions."""
    num_threads: int
    """Threads torch uses within one operation on the CPU."""
    num_workers: int | None
    """Threads that decode images ahead of the network; None: as many as it took."""


class Record(Part):
    """One run of `verify` on one row."""

    schema_version: Literal[2] = 2
    row: str
    """Name of the row in the manifest."""
    edition: EditionName = "readme"
    """Whose claim about the row was verified."""
    status: Status
    """"started" until the run ends; a file that still says so was killed."""
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    arguments: dict[str, Any] = {}
    """What the user asked for."""
    checkpoint: CheckpointUsed | None = None
    dataset: DatasetUsed | None = None
    settings: Settings | None = None
    measurements: list[Measurement] = []
    not_run: dict[str, str] = {}
    """Metrics that were asked for and could not be measured, with the reason."""
    timings: Timings | None = None
    num_images_taken_over: int = 0
    """Images whose results come from an earlier run that was interrupted."""
    images_file: str | None = None
    """File beside the record with the result of every image."""
    environment: dict[str, Any] = Field(default_factory=dict)
    reason: str | None = None
    """Why the run did not complete."""

    def measurement(self, metric: str) -> Measurement | None:
        """Return the measurement of ``metric``, if this run made one."""
        return next((m for m in self.measurements if m.metric == metric), None)


def now() -> datetime:
    """Return the current time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_record_path(folder: Path, row: str, started_at: datetime) -> Path:
    """Create an empty file for a run's record, <folder>/<row>/<time>.json, and return its path.

    Raises:
        RecordError: the folder cannot be written to.
    """
    stem = folder / row / started_at.strftime("%Y%m%dT%H%M%SZ")
    for again in itertools.count(1):
        path = stem.with_name(f"{stem.name}-{again}.json" if again > 1 else f"{stem.name}.json")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except FileExistsError:
            if path.parent.is_dir():
                continue  # another run began in the same second
            raise _cannot_write(path, "not a folder") from None
        except OSError as error:
            raise _cannot_write(path, error.strerror or str(error)) from None
        break
    return path


def write_record(record: BaseModel, path: Path) -> None:
    """Write a record, replacing an earlier state of the same file in one step.

    Raises:
        RecordError: the folder cannot be written to.
    """
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text + "\n")
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from None


def _cannot_write(path: Path, reason: str) -> RecordError:
    shown = str(path)[:200]
    return RecordError(f"The record {shown} cannot be written: {reason}. Pass another --output.")


class RecordFile:
    """A record and the file it is in, kept in step."""

    def __init__(self, path: Path, record: Record) -> None:
        self.path = path
        self.record = record
        write_record(record, path)

    def update(self, **changes: object) -> None:
        """Change fields of the record and replace the file in one step.

        Raises:
            RecordError: the file cannot be written.
        """
        self.record = self.record.model_copy(update=changes)
        write_record(self.record, self.path)

    def mark_continued(self, earlier: str) -> None:
        """Note in the record of a run that was killed that this one goes on with it."""
        path = self.path.with_name(earlier)
        if path == self.path or not path.is_file():
            return
        reason = f"the run was interrupted; {self.path.name} goes on with it"
        record = read_record(path)
        write_record(record.model_copy(update={"status": "interrupted", "reason": reason}), path)


def read_record(path: Path) -> Record:
    """Return the record in a file.

    Raises:
        RecordError: the file is unreadable, damaged, or from a newer version.
    """
    return read_as(Record, path, SCHEMA_VERSION, MIGRATIONS)


def read_as(
    kind: type[AnyRecord], path: Path, newest_version: int, migrations: Migrations
) -> AnyRecord:
    """Return the record of one kind in a file, whose versions are known up to ``newest_version``.

    Args:
        kind: the newest version of the record.
        path: the file; it stays as it is.
        newest_version: the version of ``kind``.
        migrations: what brings earlier versions up to it.

    Raises:
        RecordError: the file is unreadable, damaged, or from a newer version.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if not text:
            msg = f"{path} is empty: the run is going on, or was killed."
            raise RecordError(msg)
        # Unlike JSON, Python's reader takes NaN and Infinity, and 1e400 for infinite.
        content = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} is no readable record: {error}. Delete it or run the row again."
        raise RecordError(msg) from None
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > newest_version:
        msg = (
            f"{path} was written by a newer hrnet-zoo (record version {version}, this one reads up "
            f"to {newest_version}). Upgrade hrnet-zoo."
        )
        raise RecordError(msg)
    try:
        if isinstance(content, dict):
            content = migrate(content, newest_version, migrations)
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"version {version} cannot be brought up to date: {error!r}"
    msg = f"{path} is no valid record: {reason}. Delete it or run the row again."
    raise RecordError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text} is no finite number"
        raise ValueError(msg)
    return value


def read_records(folder: Path) -> Iterator[Record]:
    """Yield all records below ``folder``, oldest first; none if there is no such folder.

    A file is empty for a moment when its run begins; it is no record yet.

    Raises:
        RecordError: one of the files is no record.
    """
    yield from read_runs(folder, "verify", read_record)
