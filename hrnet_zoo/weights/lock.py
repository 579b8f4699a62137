"""The lock: what checkpoints were when first fetched, as text to commit beside a manifest.

The digits in a published file's name are upstream's promise, 32 bits of it; the lock is the
user's own, of all 256. A line of JSON for each file, by name, so that changes are easy to read and
to merge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from hrnet_zoo.errors import CheckpointError, LockError, explain_os_error
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.strict import Strict, first_problem
from hrnet_zoo.system.whole_file import write_whole

LOCK_NAME = "zoo.lock"
"""Of the file beside a manifest."""

KnownBy = Literal["eight digits (32 bits)", "lock"]
"""What was known of a file beforehand: the digits in its name, or all of a lock."""

WRITE_WITHIN_S = 60.0
"""How long other processes may take to write the lock, each some milliseconds."""
_FORMAT = 1
_ABOUT = "what checkpoints were when first fetched; commit this file, see hrnet-zoo lock --help"
_LARGEST = 16 << 20
"""Bytes: some 50,000 files."""


class _Head(Strict):
    format: int
    about: str = ""


class LockedFile(Strict):
    """A line of the lock."""

    file: str
    """Name in the cache."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the whole file."""
    size_bytes: Annotated[int, Field(ge=0)]
    locked_on: date
    """UTC."""
    url: str
    """Where the row said the file comes from; only the rest has to agree."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What a file must be, and who says so."""

    locked: LockedFile
    lock: Path
    update: str
    """The command that accepts another file."""

    @property
    def says(self) -> str:
        """Return what it says, in words."""
        return (
            f"{self.lock} has SHA-256 {self.locked.sha256} and {self.locked.size_bytes} bytes "
            f"since {self.locked.locked_on}"
        )

    @property
    def advice(self) -> str:
        """Return what to do about another file."""
        return (
            "Nothing was accepted. Find out which of both is genuine; to fetch again and lock "
            f'what comes: "{self.update}".'
        )

    def require(self, what: str, sha256: str, size_bytes: int) -> None:
        """Check a file.

        Args:
            what: the file, for the message.
            sha256: of the whole file, 64 hex digits.
            size_bytes: its size.

        Raises:
            CheckpointError: it is another one.
        """
        if (sha256, size_bytes) != (self.locked.sha256, self.locked.size_bytes):
            msg = (
                f"{what} is not the locked file: it has SHA-256 {sha256} and {size_bytes} bytes, "
                f"{self.says}. {self.advice}"
            )
            raise CheckpointError(msg)


def read_lock(path: Path) -> dict[str, LockedFile]:
    """Return what is locked, by the name of the file: nothing if there is no lock.

    Raises:
        LockError: it cannot be read, is damaged, or is from a newer version.
    """
    try:
        head, *lines = read_regular(path, _LARGEST).splitlines() or [b""]
    except FileNotFoundError:
        return {}
    except OSError as error:
        msg = f"The lock cannot be read. {explain_os_error(error)}"
        raise LockError(msg) from error
    found: dict[str, LockedFile] = {}
    number = 1
    try:
        version = _Head.model_validate_json(head).format
        if version > _FORMAT:
            msg = (
                f"{path} was written by a newer hrnet-zoo (format {version}, this one reads "
                f"{_FORMAT}); upgrade."
            )
            raise LockError(msg)
        for number, line in enumerate(lines, 2):
            entry = LockedFile.model_validate_json(line)
            if entry.file in found:
                raise _damaged(path, number, f"{entry.file} is locked twice")
            found[entry.file] = entry
    except ValidationError as error:
        raise _damaged(path, number, first_problem(error).removeprefix(": ")) from None
    return found


def _damaged(path: Path, line: int, problem: str) -> LockError:
    return LockError(
        f"{path}:{line}: the lock is damaged ({problem}). Correct that line or restore the file; "
        "what is not in it is locked anew when it is next used."
    )


def write_entry(path: Path, entry: LockedFile, *, replace: bool = False) -> LockedFile:
    """Lock a file, unless another process was first, and return what is locked now.

    Args:
        path: of the lock.
        entry: about the file.
        replace: whether it is to take the place of one about the same file.

    Raises:
        LockError: the lock there is damaged.
        CheckpointError: it cannot be written.
    """
    import filelock  # noqa: PLC0415 - it takes longer than all that `show` reads

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(path.with_name(f".{path.name}.lock"), timeout=WRITE_WITHIN_S):
            entries = read_lock(path)
            if not replace:
                entry = entries.get(entry.file, entry)
            if entries.get(entry.file) != entry:
                write_whole(path, _text((entries | {entry.file: entry}).values()))
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        msg = (
            f"{entry.file} has SHA-256 {entry.sha256}, which cannot be locked in {path}: {reason}. "
            "Name a file that you can write to with --lock."
        )
        raise CheckpointError(msg) from error
    return entry


def _text(entries: Iterable[LockedFile]) -> str:
    head = _Head(format=_FORMAT, about=_ABOUT)
    lines = sorted(entries, key=lambda entry: entry.file)
    return "".join(f"{line.model_dump_json()}\n" for line in (head, *lines))
