"""The growing ``.part`` file of a transfer, with the running hash of what it holds so far."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hrnet_zoo.errors import CheckpointError

PROGRESS_INTERVAL_S = 0.05
CHUNK_BYTES = 1 << 16

Progress = Callable[[int, int | None], None]
"""Receives the bytes present and the bytes expected; None: not announced."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def cache_faults(target: Path) -> Iterator[None]:
    """Explain what the file system refuses; wraps file operations only, never network calls."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        full = isinstance(error, OSError) and error.errno in _DISK_FULL
        advice = "Make room there" if full else "Make it a folder that you can write to"
        raise CheckpointError(
            f"{target.name} cannot be kept in the cache folder {target.parent}: {reason}. "
            f"{advice}, or set HRNET_ZOO_CACHE to another folder."
        ) from error


@dataclass
class PartialFile:
    """The growing file ``<name>.part`` and the hash of what it holds so far."""

    path: Path
    on_progress: Progress | None
    size: int = 0
    total: int | None = None
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    reported_at: float = 0.0

    def __enter__(self) -> Self:
        with cache_faults(self.path):
            # Unbuffered: an interrupted process leaves every byte that it counted.
            self._file = self.path.open("a+b", buffering=0)
            self._file.seek(0)
            while chunk := self._file.read(CHUNK_BYTES):
                self._count(chunk)
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        if self.size == 0:
            with cache_faults(self.path):
                self.path.unlink(missing_ok=True)

    def write(self, chunk: bytes) -> None:
        """Append a piece, hash it, and report now and then."""
        rest = memoryview(chunk)
        with cache_faults(self.path):
            while rest:  # a nearly full disk takes only the beginning
                rest = rest[self._file.write(rest) :]
        self._count(chunk)
        self.report()

    def report(self, *, always: bool = False) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        now = time.monotonic()
        if self.on_progress and (always or now - self.reported_at >= PROGRESS_INTERVAL_S):
            self.reported_at = now
            self.on_progress(self.size, self.total)

    def restart(self) -> None:
        """Throw away what was collected."""
        with cache_faults(self.path):
            self._file.truncate(0)
        self.digest = hashlib.sha256()
        self.size = 0

    def finish(self, target: Path) -> None:
        """Make sure the bytes are on disk, then give the file its final name in one step."""
        self.report(always=True)
        with cache_faults(target):
            os.fsync(self._file.fileno())
            self._file.close()
            self.path.replace(target)

    def _count(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)
