"""The checkpoint file behind a row: the published one, or one the user names; hash-checked.

It knows rows and files, not what is in the files: fetching needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.weights.address import file_name_of
from hrnet_zoo.weights.download import FetchedFile, fetch_file, sha256_of
from hrnet_zoo.weights.file_name import keeps_promise, promised_sha256
from hrnet_zoo.weights.lock import KnownBy, LockedFile, Pin, write_entry
from hrnet_zoo.zoo.locks import lock_of, locked
from hrnet_zoo.zoo.row import Row

_BY_DIGITS: KnownBy = "eight digits (32 bits)"


@dataclass(frozen=True, kw_only=True)
class FetchOptions:
    """Where checkpoints come from and where they are kept."""

    cache_dir: Path
    mirror: str | None = None
    offline: bool = False
    lock: Path | None = None
    """Says what each file has to be; None: the one that belongs to the manifest."""


def fetch_row(
    row: Row, manifest_dir: Path, options: FetchOptions, progress: Progress
) -> FetchedFile:
    """Return the row's published checkpoint, from the cache or downloaded; its hash is checked.

    What is not locked yet is locked now, and must stay the same from then on.

    Raises:
        CheckpointError: the row links none, it cannot be had as promised and locked, or the lock
            cannot be written.
        LockError: the lock is damaged.
    """
    url = _linked(row)
    lock = lock_of(manifest_dir, options.lock)
    pin = _pin_of(row, lock)
    file = _fetch(row, manifest_dir, options, pin, progress)
    if pin is not None:
        return replace(file, known_by="lock", locked_on=pin.locked.locked_on)
    entry = _entry(url, file)
    kept = write_entry(lock, entry)
    if kept == entry:
        progress.say(f"{kept.file}: its SHA-256 and size are locked in {lock} from now on")
    _pin(row, lock, kept).require(str(file.path), file.sha256, file.size_bytes)
    return replace(file, known_by=_BY_DIGITS)


def fetch_anew(
    row: Row, manifest_dir: Path, options: FetchOptions, progress: Progress
) -> tuple[LockedFile | None, LockedFile]:
    """Fetch a row's checkpoint whatever is in the cache, and lock what comes.

    Returns:
        What was locked before, if anything was, and what is now.

    Raises:
        CheckpointError: it cannot be had as promised, or the lock cannot be written.
        LockError: the lock is damaged.
    """
    url = _linked(row)
    lock = lock_of(manifest_dir, options.lock)
    before = locked(row, lock)
    # Beside the cache's file, which stays if this fails.
    anew = replace(options, cache_dir=options.cache_dir / "anew")
    (anew.cache_dir / file_name_of(url)).unlink(missing_ok=True)
    file = _fetch(row, manifest_dir, anew, None, progress)
    entry = _entry(url, file)
    write_entry(lock, entry, replace=True)
    file.path.replace(options.cache_dir / entry.file)
    return before, entry


def lock_row(
    row: Row, manifest_dir: Path, options: FetchOptions, progress: Progress
) -> tuple[LockedFile | None, LockedFile]:
    """Lock a row's checkpoint if it is not, and fetch it for that.

    Returns:
        What was locked before, if anything was, and what is now.

    Raises:
        CheckpointError, LockError: as `fetch_row`.
    """
    lock = lock_of(manifest_dir, options.lock)
    before = locked(row, lock)
    if before is None:
        fetch_row(row, manifest_dir, options, progress)
    after = before or locked(row, lock)
    assert after is not None
    return before, after


def checked(row: Row, manifest_dir: Path, options: FetchOptions) -> LockedFile | None:
    """Return what is locked of a row's checkpoint, if anything is; nothing is fetched or written.

    Raises:
        CheckpointError: the file in the cache is another, or the row's link promises another.
        LockError: the lock is damaged.
    """
    pin = _pin_of(row, lock_of(manifest_dir, options.lock))
    if pin is None:
        return None
    promised = row.checkpoint_sha256_prefix or ""
    if not keeps_promise(pin.locked.sha256, promised):
        msg = f"the row's link promises a SHA-256 beginning {promised}, but {pin.says}."
        raise CheckpointError(msg)
    cached = options.cache_dir / pin.locked.file
    if cached.is_file():
        pin.require(str(cached), sha256_of(cached), cached.stat().st_size)
    return pin.locked


def _pin_of(row: Row, lock: Path) -> Pin | None:
    """Return what a row's file has to be, if that is locked.

    Raises:
        LockError: the lock is damaged.
    """
    entry = locked(row, lock)
    return None if entry is None else _pin(row, lock, entry)


def _pin(row: Row, lock: Path, entry: LockedFile) -> Pin:
    edition = "" if row.edition == "readme" else f" --edition {row.edition}"
    update = f"hrnet-zoo lock --update {row.name}{edition}"
    return Pin(locked=entry, lock=lock, update=update)


def _entry(url: str, file: FetchedFile) -> LockedFile:
    return LockedFile(
        file=file.path.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        locked_on=datetime.now(UTC).date(),
        url=url,
    )


def _linked(row: Row) -> str:
    """Return the address of the row's checkpoint."""
    if row.checkpoint_url is None:
        or_later = ", or --edition later" if row.edition == "readme" and row.later else ""
        msg = (
            f"{row.name}: the table links no checkpoint for this row: there is nothing to fetch. "
            f"Pass a file of your own with --checkpoint{or_later}."
        )
        raise CheckpointError(msg)
    return row.checkpoint_url


def _fetch(
    row: Row, manifest_dir: Path, options: FetchOptions, pin: Pin | None, progress: Progress
) -> FetchedFile:
    progress.begin(f"checkpoint {row.checkpoint_file_name}", None, "B")
    assert row.checkpoint_sha256_prefix is not None  # the manifest is checked
    return fetch_file(
        _linked(row),
        sha256_prefix=row.checkpoint_sha256_prefix,
        cache_dir=options.cache_dir,
        base_dir=manifest_dir,
        mirror=options.mirror,
        offline=options.offline,
        pin=pin,
        on_progress=progress.update,
        notify=progress.say,
    )


def own_checkpoint(row: Row, path: Path, progress: Progress) -> FetchedFile:
    """Return a checkpoint named by the user for a row; say so if it is another edition's.

    A hash in its name must be that of its content.

    Raises:
        CheckpointError: the file is missing, or is not what its name promises.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        msg = f"A checkpoint file was expected at {path}, there is {found}. Check --checkpoint."
        raise CheckpointError(msg)
    sha256 = sha256_of(path)
    promised = promised_sha256(path.name)
    if promised is not None and not keeps_promise(sha256, promised):
        msg = (
            f"{path}: its name promises a SHA-256 beginning {promised}, its content has "
            f"{sha256}. It is damaged or was changed; fetch it again, or rename it if it is "
            "your own."
        )
        raise CheckpointError(msg)
    editions = row.editions_of(sha256)
    if editions and row.edition not in editions:
        progress.say(
            f'{path.name} is the file of the "{editions[0]}" edition of {row.name}, but is used as '
            f'that of "{row.edition}". Pass --edition {editions[0]}.'
        )
    return FetchedFile(
        path=path,
        sha256=sha256,
        size_bytes=path.stat().st_size,
        from_cache=True,
        known_by=None if promised is None else _BY_DIGITS,
    )
