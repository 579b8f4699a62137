"""An append-only file of finished pieces of work, so that an interrupted run can go on.

Every line carries a checksum. A line that was cut short, by a kill or a power failure, is dropped;
all others stand.
"""

from __future__ import annotations

import json
import os
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO, Self

import filelock

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.files import require_unicode, writing
from hrnet_zoo.system.canonical import digest_of_json
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.whole_file import write_whole

LARGEST_JOURNAL = 1024**3
"""Bytes of one, and of the images file made of it; 5,000 images with detections take 10**7."""
_SECONDS_BETWEEN_SYNCS = 1.0
_DIGITS = 12
"""Hexadecimal digits of a journal's identity in its name; its first line has all of it."""


class Journal:
    """One unfinished run: what it is a run of, and the pieces done so far.

    Opening it takes a lock: two runs never write into one journal. What it is a run of decides how
    its file is called, so that runs of anything else have files of their own.
    """

    def __init__(self, stem: Path, identity: Mapping[str, Any]) -> None:
        """Open the journal of what ``identity`` says, and go on with it if it is there.

        Args:
            stem: the beginning of the file's path; it is created, with its folder, if missing.
            identity: JSON values that decide whether finished pieces may be used again.

        Raises:
            RecordError: another run holds the journal, it is damaged, or cannot be written.
        """
        self._identity = dict(identity)
        digits = digest_of_json(self._identity)[:_DIGITS]
        self.path = stem.with_name(f"{stem.name}-{digits}.jsonl")
        self.entries: list[dict[str, Any]] = []
        """The pieces found, in the order in which they were added."""
        self._stem = stem.name
        self._file: BinaryIO
        self._synced_at = 0.0
        self._lock = filelock.FileLock(f"{self.path}.lock")
        self._take_lock()
        try:
            self._open()
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

    def lines(self) -> list[dict[str, Any]]:
        """Return all that is in the file, what it is a run of first.

        Raises:
            RecordError: somebody damaged or deleted it meanwhile.
        """
        return lines_of(_content(self.path), self.path)

    def keep(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Leave only these pieces in the file."""
        with writing("journal", self.path):
            write_whole(self.path, content_of_lines([self._identity, *entries]))
            self._file.close()
            self._file = self.path.open("ab")

    def remove(self) -> None:
        """Delete the file: all that is in it is in that of a completed run."""
        with writing("journal", self.path):
            self.path.unlink(missing_ok=True)

    def changed(self) -> list[str]:
        """Return in what the newest other journal of such a run differs; none if there is none."""
        pattern = re.compile(rf"{re.escape(self._stem)}(-[0-9a-f]{{{_DIGITS}}})?\.jsonl")
        found = [p for p in self.path.parent.glob(".*.jsonl") if pattern.fullmatch(p.name)]
        for path in sorted(found, key=_age, reverse=True):
            with suppress(RecordError):
                header, *entries = _intact(_content(path))[0] or [{}]
                if path != self.path and entries:
                    return list(dict.fromkeys(_changes(header, self._identity)))
        return []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what could not be written, `append` said
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

    def _open(self) -> None:
        content = _content(self.path) if os.path.lexists(self.path) else b""
        lines, is_whole = _intact(content)
        if lines and lines[0] != self._identity:
            msg = (
                f"{self.path} is damaged: its first line, which says what it is a run of, is not "
                "as it was written. Restore it, or move it away to start anew."
            )
            raise RecordError(msg)
        self.entries = lines[1:]
        with writing("journal", self.path):
            if not (lines and is_whole):
                write_whole(self.path, content_of_lines([self._identity, *self.entries]))
            self._file = self.path.open("ab")


def read_finished(path: Path) -> list[dict[str, Any]]:
    """Return the pieces in the file of a finished run, in the order in which they were added.

    Raises:
        RecordError: the file is missing or damaged.
    """
    return lines_of(_content(path), path)[1:]


def lines_of(content: bytes, path: Path) -> list[dict[str, Any]]:
    """Return the lines of a finished run's file; the first one says what it is a run of.

    Raises:
        RecordError: it is damaged.
    """
    lines, is_whole = _intact(content)
    if not (lines and is_whole):
        intact = takewhile(lambda line: _entry(line) is not None, content.splitlines(keepends=True))
        good_bytes = sum(map(len, intact))
        msg = f"{path} is damaged after {good_bytes} bytes. Restore it or run the row again."
        raise RecordError(msg)
    return lines


def content_of_lines(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the file of a finished run that consists of these lines."""
    return b"".join(map(_line, entries))


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST_JOURNAL)
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}). Restore it or run the row again."
        raise RecordError(msg) from None


def _intact(content: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines that are as they were written, and whether all are."""
    lines = content.splitlines(keepends=True)
    found = [entry for entry in map(_entry, lines) if entry is not None]
    return found, len(found) == len(lines)


def _entry(line: bytes) -> dict[str, Any] | None:
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        entry = json.loads(text)
        if rb"\u" in text:
            require_unicode(entry)
    except (ValueError, RecursionError):
        return None  # its checksum is right all the same: somebody wrote it by hand
    return entry if isinstance(entry, dict) else None


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield by name what an identity has otherwise; a part of it by the names of its own parts."""
    for key, value in now.items():
        before = then.get(key)
        if key not in then:
            yield "version of hrnet-zoo"  # others wrote less
        elif isinstance(value, dict) and isinstance(before, dict):
            yield from _changes(before, value)
        elif before != value:
            yield key


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
