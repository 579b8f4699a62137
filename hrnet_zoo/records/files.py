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
from hrnet_zoo.records.base import SCHEMA_VERSION, Kind, Record, Status
from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.records.migrations import MIGRATIONS, migrate
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.opening import open_regular, read_regular
from hrnet_zoo.system.strict import first_problem
from hrnet_zoo.system.whole_file import write_whole

AnyRecord = AccuracyRecord | TimingRecord | MemoryRecord

_ANY: TypeAdapter[AnyRecord] = TypeAdapter(Annotated[AnyRecord, Field(discriminator="kind")])

FOLDERS: dict[Kind, str] = {"accuracy": "", "timing": "timings", "memory": "memory"}
"""Where new records of a kind go, in the folder of their row; old ones are there, too."""

_MOMENT = "%Y%m%dT%H%M%SZ"
"""How a record's file is called: when its run began."""

_HEAD = re.compile(rb'\{\s*"schema_version":\s*2,\s*"kind":\s*"(\w+)"')
"""How this version begins a record."""
LARGEST_BYTES = 64 * 1024**2
"""Of a record; what it says of single images is in another file."""


def now() -> datetime:
    """Return the current time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def beginning(folder: Path, row: str, kind: Kind = "accuracy") -> tuple[datetime, list[str]]:
    """Return when a run begins that is the newest of its row, and what a reader should know of it.

    That is now, unless the clock was set back since the newest record of the folder: all that ask
    for the newest run go by when runs began.
    """
    clock = now()
    place = folder / row / FOLDERS[kind]
    newest = max((_moment_of(path) for path in place.glob("*.json")), default=clock)
    if newest <= clock:
        return clock, []
    remark = (
        f"the clock said {clock:%Y-%m-%d %H:%M:%S} UTC when this run began, which is before the "
        f"newest record of the row, {newest:%Y-%m-%d %H:%M:%S}; it is placed after that one. If "
        "that one's time is wrong, delete it"
    )
    return newest, [remark]


def _moment_of(path: Path) -> datetime:
    try:
        return datetime.strptime(path.stem.partition("-")[0], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)  # it was called otherwise by somebody


def new_record_path(folder: Path, row: str, started_at: datetime, kind: Kind = "accuracy") -> Path:
    """Create an empty file for a run's record in the folder of its row, and return its path.

    Raises:
        RecordError: the folder cannot be written to.
    """
    stem = folder / row / FOLDERS[kind] / started_at.strftime(_MOMENT)
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
    with writing("record", path):
        path.parent.mkdir(parents=True, exist_ok=True)
    _replace(record, path)


def _replace(record: Record, path: Path) -> None:
    text = json.dumps(record.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    with writing("record", path):
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
        if isinstance(error, FileNotFoundError):
            reason = "its folder was deleted"
        msg = f"The {what} {str(path)[:200]} cannot be written: {reason}. {hint}"
        raise RecordError(msg) from None


class RecordFile:
    """A record of accuracy and the file it is in, kept in step."""

    def __init__(self, path: Path, record: AccuracyRecord) -> None:
        """Write the record.

        Args:
            path: of the file, which is there and empty.
            record: of a run that begins.

        Raises:
            RecordError: the file cannot be written; an empty one is left to nobody.
        """
        self.path = path
        self.record = record
        try:
            _replace(record, path)
        except RecordError:
            with suppress(OSError):
                path.unlink()
            raise

    def update(self, **changes: object) -> None:
        """Change fields of the record and replace the file in one step.

        Raises:
            RecordError: the file cannot be written; `record` is still what it says.
        """
        record = self.record.model_copy(update=changes)
        _replace(record, self.path)
        self.record = record

    def end(self, status: Status, reason: str | None = None) -> None:
        """Say how the run ended; what was completed stays so, and what came after it is noted.

        Raises:
            RecordError: the file cannot be written.
        """
        if self.record.status != "completed":
            self.update(status=status, reason=reason, finished_at=self.finished_at)
        elif reason is not None:
            self.update(remarks_since=[*self.record.remarks_since, reason])

    @property
    def finished_at(self) -> datetime:
        """Return what a run that ends now says: no clock that was set back is believed."""
        return max(now(), self.record.started_at)

    def earlier(self, name: str) -> AccuracyRecord | None:
        """Return a record beside this one; None where there is none that can be read."""
        with suppress(RecordError):
            record = read_record(self.path.parent / Path(name).name)
            return record if isinstance(record, AccuracyRecord) else None
        return None

    def mark_continued(self, name: str) -> None:
        """Note in the record of a run that was killed that this one goes on with it.

        Raises:
            RecordError: it cannot be written.
        """
        record = self.earlier(name)
        if record is None or record.status == "completed" or name == self.path.name:
            return  # --quick ends well before all images are done
        reason = f"the run was interrupted; {self.path.name} goes on with it"
        changes = {"status": "interrupted", "reason": reason}
        _replace(record.model_copy(update=changes), self.path.parent / Path(name).name)


def read_record(path: Path) -> AnyRecord:
    """Return the record in a file, which stays as it is; an old one is brought up to date.

    Raises:
        RecordError: the file is unreadable or damaged, or only a newer version can read it.
    """
    try:
        data = read_regular(path, LARGEST_BYTES)
        if not data:
            msg = f"{path} is empty: the run is going on, or was killed."
            raise RecordError(msg)
        # Parsing and checking in one step takes half the time, which matters for thousands of
        # records. What does not pass is read again in the way that knows older versions and what to
        # say. Unlike JSON, Python's reader takes NaN and Infinity, and 1e400 for infinite.
        with suppress(ValidationError):
            return _ANY.validate_json(data)
        content = json.loads(data.decode(), parse_float=_finite, parse_constant=_finite)
        require_unicode(content)
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
        with open_regular(path) as file:
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


def require_unicode(content: object) -> None:
    """Raise ValueError for half a character, which JSON can escape and no file or terminal has."""
    json.dumps(content, ensure_ascii=False).encode()


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        msg = f"{text} is not a finite number"
        raise ValueError(msg)
    return value
