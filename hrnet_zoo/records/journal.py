"""An append-only file of finished pieces of work, so that an interrupted run can go on.

Every line carries a checksum. A line that was cut short, by a kill or a power failure, is dropped
together with what follows it; everything before it stands.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import filelock

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.files import writing

_SECONDS_BETWEEN_SYNCS = 1.0


class Journal:
    """One unfinished run: what it is a run of, and the pieces done so far.

    Opening it takes a lock: two runs never write into one journal.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Open the journal at ``path``, and go on with it if it has the same identity.

        Args:
            path: the file; created, with its folder, if missing.
            identity: JSON values that decide whether finished pieces may be used again.

        Raises:
            RecordError: another run holds the journal, or it cannot be written.
        """
        self.path = path
        self.entries: list[dict[str, Any]] = []
        """The pieces found, in the order in which they were added."""
        self.changed: list[str] = []
        """The keys whose change made an earlier journal useless; empty if there was none."""
        self._synced_at = 0.0
        self._lock = filelock.FileLock(f"{path}.lock")
        self._take_lock()
        try:
            self._open(dict(identity))
        except BaseException:
            self._lock.release()
            raise

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add one finished piece; it survives the process from here on."""
        with writing("journal", self.path):
            self._file.write(_line(entry))
            self._file.flush()
            if time.monotonic() - self._synced_at >= _SECONDS_BETWEEN_SYNCS:
                os.fsync(self._file.fileno())
                self._synced_at = time.monotonic()

    def finish(self, path: Path) -> None:
        """Move the journal to ``path``: the run is complete, and this is what it consists of."""
        with writing("journal", self.path):
            os.fsync(self._file.fileno())
            self.path.replace(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        # The lock's own file stays: deleting it could give two waiting runs a lock each.
        self._lock.release()

    def _take_lock(self) -> None:
        with writing("journal", self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except filelock.Timeout:
                msg = (
                    f"Another run is writing {self.path}. Wait until it has finished, or pass "
                    "another --output to run both."
                )
                raise RecordError(msg) from None

    def _open(self, identity: dict[str, Any]) -> None:
        header, entries, good_bytes = _read(self.path)
        if header == identity:
            self.entries = entries
        elif header is not None:
            self.changed = [k for k in identity if header.get(k) != identity[k]]
        with writing("journal", self.path):
            self._file = self.path.open("ab")
            self._file.truncate(good_bytes if header == identity else 0)
        if header != identity:
            self.append(identity)


def read_finished(path: Path) -> list[dict[str, Any]]:
    """Return the pieces in the file of a finished run, in the order in which they were added.

    Raises:
        RecordError: the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        msg = f"{path} is missing ({error.strerror}). Restore it or run the row again."
        raise RecordError(msg) from None
    return lines_of(content, path)[1:]


def lines_of(content: bytes, path: Path) -> list[dict[str, Any]]:
    """Return the lines of a finished run's file; the first one says what it is a run of.

    Raises:
        RecordError: it is damaged.
    """
    header, entries, good_bytes = _parsed(content)
    if header is None or good_bytes != len(content):
        msg = f"{path} is damaged after {good_bytes} bytes. Restore it or run the row again."
        raise RecordError(msg)
    return [header, *entries]


def content_of_lines(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the file of a finished run that consists of these lines."""
    return b"".join(map(_line, entries))


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(path: Path) -> tuple[dict[str, Any] | None, list[dict[str, Any]], int]:
    """Return the first line, the other intact lines, and the bytes that they take."""
    try:
        content = path.read_bytes()
    except OSError:
        return None, [], 0
    return _parsed(content)


def _parsed(content: bytes) -> tuple[dict[str, Any] | None, list[dict[str, Any]], int]:
    lines, good_bytes = [], 0
    for line in content.splitlines(keepends=True):
        checksum, _, text = line.rstrip(b"\n").partition(b" ")
        if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
            break
        try:
            entry = json.loads(text)
        except (ValueError, RecursionError):
            break  # its checksum is right all the same: somebody wrote it by hand
        if not isinstance(entry, dict):
            break
        lines.append(entry)
        good_bytes += len(line)
    return (lines[0], lines[1:], good_bytes) if lines else (None, [], 0)
