"""Brings a published weights file into the cache and proves that it is the promised one.

A wrong or incomplete file never has its final name: bytes are collected in ``<name>.part``,
hashed on the way, and renamed once the hash is right. Knows nothing of rows, models or torch.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import filelock

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.opening import open_regular
from hrnet_zoo.weights.address import Source, file_name_of, resolve_url
from hrnet_zoo.weights.file_name import keeps_promise
from hrnet_zoo.weights.lock import KnownBy, Pin
from hrnet_zoo.weights.partial_file import PartialFile, Progress
from hrnet_zoo.weights.transfer import Notify, collect_from

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, kw_only=True)
class FetchedFile:
    """A file in the cache whose content has been checked."""

    path: Path
    sha256: str  # all 64 lower-case hex digits
    size_bytes: int
    from_cache: bool  # nothing had to be transferred
    known_by: KnownBy | None = None  # None: nothing was
    locked_on: date | None = None  # if it was known by a lock


def fetch_file(  # noqa: PLR0913 - every argument is a choice of its own that the command line offers
    url: str,
    *,
    sha256_prefix: str,
    cache_dir: Path,
    base_dir: Path | None = None,
    mirror: str | None = None,
    offline: bool = False,
    pin: Pin | None = None,
    on_progress: Progress | None = None,
    notify: Notify | None = None,
) -> FetchedFile:
    """Return the verified cache file of ``url``, transferring it if need be.

    Processes that want the same file at the same time transfer it once.

    Args:
        url: http(s) or file URL, or a local path.
        sha256_prefix: the first 8 or more hex digits of the promised SHA-256.
        cache_dir: folder of the cache; created when missing.
        base_dir: what a relative path in ``url`` is relative to; None: the current folder.
        mirror: http(s) or file URL or folder that replaces the host of ``url``; None: no mirror.
        offline: never use the network; local sources still work.
        pin: what the file is locked as; None: it is not.
        on_progress: called with the bytes present and the bytes expected (None: not announced).
        notify: called with one sentence whenever something unusual happens.

    Raises:
        UsageError: ``url`` or ``mirror`` is of a kind that is not supported.
        CheckpointError: the file cannot be had, stored, or is not the promised or locked one.
    """
    if not re.fullmatch(r"[0-9a-fA-F]{8,64}", sha256_prefix):
        raise ValueError(f"sha256_prefix must be 8 to 64 hex digits, not {sha256_prefix!r}")
    prefix = sha256_prefix.lower()
    notify = notify or (lambda _message: None)
    source = resolve_url(url, mirror, base_dir)
    target = cache_dir / file_name_of(url)
    with _cache_faults(target):
        # Asked before locking too: a hit then needs no lock, so a read-only shared cache works.
        if (found := _find_cached(target, prefix, pin)) is not None:
            return found
        with _locked(target, notify):
            if (found := _find_cached(target, prefix, pin)) is not None:
                return found
            damaged = _drop_damaged(target, source)
            if offline and isinstance(source, str):
                state = "was damaged and deleted," if damaged else "is not in the cache,"
                raise CheckpointError(
                    f"{target.name} {state} and --offline forbids fetching it. Drop --offline, or "
                    f"copy the file to {target}."
                )
            if damaged:
                notify(f"{target} is damaged, deleted; fetching it again")
            with PartialFile(Path(f"{target}.part"), on_progress) as part:
                _transfer(source, target, prefix, pin, part, notify)
            return FetchedFile(
                path=target, sha256=part.digest.hexdigest(), size_bytes=part.size, from_cache=False
            )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 lower-case hex digits, reading it piece by piece."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _cache_faults(target: Path) -> Iterator[None]:
    """Explain what the file system refuses; faults of the source are explained before."""
    try:
        yield
    except BrokenPipeError:  # nobody listens to what is told any more
        raise
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        full = isinstance(error, OSError) and error.errno in _DISK_FULL
        advice = "Make room there" if full else "Make it a folder that you can write to"
        if isinstance(error, OSError) and error.errno == errno.ELOOP:
            advice = f"Delete {error.filename}, a symbolic link that none of us made"
        raise CheckpointError(
            f"{target.name} cannot be kept in the cache folder {target.parent}: {reason}. "
            f"{advice}, or set HRNET_ZOO_CACHE to another folder."
        ) from error


def _find_cached(target: Path, prefix: str, pin: Pin | None) -> FetchedFile | None:
    with suppress(FileNotFoundError):
        if keeps_promise(sha256 := sha256_of(target), prefix):
            size = target.stat().st_size
            if pin is not None:
                pin.require(str(target), sha256, size)
            return FetchedFile(path=target, sha256=sha256, size_bytes=size, from_cache=True)
    return None


def _drop_damaged(target: Path, source: Source) -> bool:
    """Delete a wrong cache file, whose hash was just checked, and return whether there was one."""
    if not target.exists():
        return False
    if not isinstance(source, str) and target.resolve() in [path.resolve() for path in source]:
        raise CheckpointError(
            f"{target} is not the promised file (SHA-256 {sha256_of(target)}). It is its own "
            "source, so it was not deleted; put the right file there."
        )
    target.unlink()
    return True


@contextmanager
def _locked(target: Path, notify: Notify) -> Iterator[None]:
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(f"{target}.lock")
    with suppress(filelock.Timeout):
        lock.acquire(timeout=0)
    if not lock.is_locked:
        notify(f"another process is fetching {target.name}; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _transfer(
    source: Source, target: Path, prefix: str, pin: Pin | None, part: PartialFile, notify: Notify
) -> None:
    """Collect the file and give it its name, if it is the right one."""
    origin = source if isinstance(source, str) else " or ".join(map(str, source))
    # A run may have ended between the last byte and the renaming; then nothing is missing.
    expected = prefix if pin is None else pin.locked.sha256
    if not keeps_promise(part.digest.hexdigest(), expected):
        collect_from(source, origin, part, pin, notify)
    sha256 = part.digest.hexdigest()
    try:
        if not keeps_promise(sha256, prefix):
            raise CheckpointError(
                f"{target.name}: the file from {origin} has SHA-256 {sha256[:8]}... ({sha256}), "
                f"promised is {prefix}. What was fetched is deleted. Either it was damaged on the "
                "way or this source serves another file: fetch it again, or elsewhere with "
                "--mirror. Or the published file has changed: then every attempt ends with this "
                "same hash."
            )
        if pin is not None:
            pin.require(f"{target.name} from {origin}", sha256, part.size)
    except CheckpointError:
        part.restart()
        raise
    part.finish(target)
