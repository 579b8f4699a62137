"""Checks every record once: recomputing AP from 5000 images takes many seconds.

What was found is kept in the cache, by the digests of all that it follows from: a record or an
images file that changes in a single byte, or code that does, is checked anew, and the cache can be
deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from hrnet_zoo import settings
from hrnet_zoo.errors import RecordError, UsageError, ZooError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import LARGEST_BYTES, read_record
from hrnet_zoo.records.images_file import named_by
from hrnet_zoo.system.opening import open_regular, read_regular
from hrnet_zoo.system.sources import sources_digest
from hrnet_zoo.system.whole_file import write_whole
from hrnet_zoo.verdicts import evidence
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo


def evidence_of(row: Row | None, record: AccuracyRecord | None, path: Path) -> Evidence:
    """Return what speaks against a record; see `examine`.

    Args:
        row: that it is of, if it is known.
        record: all that is in the file; None: it is read again.
        path: the file.

    Raises:
        RecordError: it is to be read, and is no record any more.
    """
    if record is None:
        again = read_record(path)
        if not isinstance(again, AccuracyRecord):
            msg = f"{path} is another record than it was a moment ago. Try again."
            raise RecordError(msg)
        record = again
    kept = _kept(row, record, path)
    with suppress(OSError, ValidationError):
        if kept is not None:
            return Evidence.model_validate_json(read_regular(kept, LARGEST_BYTES))
    found = evidence.examine(row, record, path)
    if kept is not None and not found.missing:
        with suppress(OSError):  # it is only slower the next time
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_whole(kept, found.model_dump_json())
    return found


def row_of(zoo: Zoo, record: AccuracyRecord) -> Row | None:
    """Return the row of a record, in its edition, if the manifest has it."""
    try:
        return zoo.row(record.row, record.edition)
    except UsageError:
        return None


def _kept(row: Row | None, record: AccuracyRecord, path: Path) -> Path | None:
    """Return where the answer is kept; None where it takes no time, or there is no such place."""
    images = named_by(record, path)
    if images is None:
        return None
    setup = None if row is None else row.setup.model_dump(mode="json")
    digest = hashlib.sha256(json.dumps([sources_digest(), setup]).encode())
    try:
        for file in (path, images):
            with open_regular(file) as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
        return settings.cache_dir() / "checked" / f"{digest.hexdigest()}.json"
    except (OSError, ZooError):
        return None
