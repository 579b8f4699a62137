"""Records as files: where new ones go, how they are written, and how any of them is read."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import SCHEMA_VERSION, Kind, Record
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.records.migrations import MIGRATIONS, migrate
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.strict import first_problem
from hrnet_zoo.system.whole_file import write_whole

AnyRecord = AccuracyRecord | TimingRecord | MemoryRecord

_ANY: TypeAdapter[AnyRecord] = TypeAdapter(Annotated[AnyRecord, Field(discriminator="kind")])

FOLDERS: dict[Kind, str] = {"accuracy": "", "timing": "timings", "memory": "memory"}
"""Where new records of a kind go, in the folder of their row; old ones are there, too."""

_HEAD = re.compile(rb'\{\s*"schema_version":\s*2,\s*"kind":\s*"(\w+)"')
"""How this version begins a record."""


def now() -> datetime:
    """Return the current time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_record_path(folder: Path, row: str, started_at: datetime, kind: Kind = "accuracy") -> Path:
    """Create an empty file for a run's record in the folder of its row, and return its path.

    Raises:
        RecordError: the folder cannot be written to.
    """
    stem = folder / row / FOLDERS[kind] / started_at.strftime("%Y%m%dT%H%M%SZ")
    for again in itertools.count(1):
        path = stem.with_name(f"{stem.name}-{again}.json" if again > 1 else f"{stem.name}.json")
        with writing("record", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another run began in the same second
                path.touch(exist_ok=False)
                break
    return path


def write_record(record: Record, path: Path) -> None:
    """Write a record, replacing an earlier state of the same file in one step.

    Raises:
        RecordError: the folder cannot be written to.
    """
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    with writing("record", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text + "\n")


@contextmanager
def writing(what: str, path: Path, hint: str = "Pass another --output.") -> Iterator[None]:
    """Turn what the system refuses into an error that says which file cannot be written.

    Raises:
        RecordError: the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        msg = f"The {what} {str(path)[:200]} cannot be written: {reason}. {hint}"
        raise RecordError(msg) from None


class RecordFile:
    """A record of accuracy and the file it is in, kept in step."""

    def __init__(self, path: Path, record: AccuracyRecord) -> None:
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
        if not isinstance(record, AccuracyRecord) or record.status == "completed":
            return  # --quick ends well before all images are done
        write_record(record.model_copy(update={"status": "interrupted", "reason": reason}), path)


def read_record(path: Path) -> AnyRecord:
    """Return the record in a file, which stays as it is; an old one is brought up to date.

    Raises:
        RecordError: the file is unreadable or damaged, or only a newer version can read it.
    """
    try:
        data = path.read_bytes()
        if not data:
            msg = f"{path} is empty: the run is going on, or was killed."
            raise RecordError(msg)
        # Parsing and checking in one step takes half the time, which matters for thousands of
        # records. What does not pass is read again in the way that knows older versions and what to
        # say. Unlike JSON, Python's reader takes NaN and Infinity, and 1e400 for infinite.
        with suppress(ValidationError):
            return _ANY.validate_json(data)
        content = json.loads(data.decode(), parse_float=_finite, parse_constant=_finite)
    except FileNotFoundError:
        msg = f"There is no record {path}."
        raise RecordError(msg) from None
    except (OSError, ValueError, RecursionError) as error:
        msg = f"{path} is not a readable record: {error}. Delete it or run the row again."
        raise RecordError(msg) from None
    return _validated(path, content)


def kind_in_head(path: Path) -> str | None:
    """Return the kind of a record as this version writes it; None: only reading it all tells."""
    try:
        with path.open("rb") as file:
            head = _HEAD.match(file.read(100))
    except OSError:
        return None
    return head[1].decode() if head else None


def _validated(path: Path, content: object) -> AnyRecord:
    version = content.get("schema_version") if isinstance(content, dict) else None
    remedy = "Delete it or run the row again."
    if isinstance(version, int) and version > SCHEMA_VERSION:
        msg = (
            f"{path} was written by a newer hrnet-zoo (record version {version}, this one reads up "
            f"to {SCHEMA_VERSION}). Upgrade hrnet-zoo."
        )
        raise RecordError(msg)
    try:
        if isinstance(content, dict):
            content = migrate(content, SCHEMA_VERSION, MIGRATIONS)
        return _ANY.validate_python(content)
    except ValidationError as error:
        reason = first_problem(error)
        if isinstance(content, dict) and error.errors()[0]["type"].startswith("union_tag"):
            known = ", ".join(FOLDERS)
            reason = f'its kind is "{content.get("kind")}", and this version knows {known}'
            remedy = "Upgrade hrnet-zoo, or delete the file."
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        reason = f"version {version} cannot be brought up to date: {error!r}"
    msg = f"{path} is not a valid record: {reason}. {remedy}"
    raise RecordError(msg)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text} is not a finite number"
        raise ValueError(msg)
    return value
