"""Where a manifest's lock is, and what it says of a row."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo import settings
from hrnet_zoo.system.sources import PACKAGE
from hrnet_zoo.weights.address import file_name_of
from hrnet_zoo.weights.lock import LOCK_NAME, LockedFile, read_lock
from hrnet_zoo.zoo.row import Row


def lock_of(manifest_dir: Path, given: Path | None = None) -> Path:
    """Return the lock of the manifests in a folder: beside them, so that both are committed.

    The manifest that an installed package brings along has nothing committed beside it, and the
    next installation would replace it: that one's lock is among this user's data.

    Args:
        manifest_dir: the folder.
        given: the lock that the user named instead, with --lock.
    """
    if given is not None:
        return given
    is_installed = manifest_dir.resolve() == PACKAGE.resolve()
    return settings.user_lock() if is_installed else manifest_dir / LOCK_NAME


def locked(row: Row, lock: Path) -> LockedFile | None:
    """Return what is locked of a row's file, if anything is.

    Raises:
        LockError: the lock is damaged.
    """
    url = row.checkpoint_url
    return None if url is None else read_lock(lock).get(file_name_of(url))
