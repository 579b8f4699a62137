"""The file that a transfer grows in, until its hash is known to be right."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hrnet_zoo.errors import CheckpointError

PROGRESS_INTERVAL_S = 0.05
CHUNK_BYTES = 1 << 16

# Whoever may write into a shared cache could else have a link there truncate what it points to.
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

Progress = Callable[[int, int | None], None]
"""Receives the bytes present and the bytes expected; None: not announced."""


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
        """Open the file, which may hold what an earlier transfer left, and hash that.

        Raises:
            CheckpointError: another file is linked there, or it is none.
            OSError: it cannot be opened.
        """
        descriptor = os.open(self.path, _FLAGS, 0o666)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(descriptor)
            msg = f"{self.path} is a link to another file, or none at all. Delete it and try again."
            raise CheckpointError(msg)
        # Unbuffered: an interrupted process leaves every byte that it counted.
        self._file = os.fdopen(descriptor, "a+b", buffering=0)
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            self._count(chunk)
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()
        if self.size == 0:
            self.path.unlink(missing_ok=True)

    def collect(self, pieces: Iterable[bytes]) -> None:
        """Append all pieces, hash them, and report now and then."""
        self._report(always=True)
        for piece in pieces:
            rest = memoryview(piece)
            while rest:  # a nearly full disk takes only the beginning
                rest = rest[self._file.write(rest) :]
            self._count(piece)
            self._report()

    def restart(self) -> None:
        """Throw away what was collected."""
        self._file.truncate(0)
        self.digest = hashlib.sha256()
        self.size = 0

    def finish(self, target: Path) -> None:
        """Make sure the bytes are on disk, then give the file its final name in one step."""
        self._report(always=True)
        os.fsync(self._file.fileno())
        self._file.close()
        self.path.replace(target)

    def _count(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.size += len(piece)

    def _report(self, *, always: bool = False) -> None:
        now = time.monotonic()
        if self.on_progress and (always or now - self.reported_at >= PROGRESS_INTERVAL_S):
            self.reported_at = now
            self.on_progress(self.size, self.total)
