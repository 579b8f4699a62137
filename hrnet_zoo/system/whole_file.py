"""Writes a file in one step, so that nobody ever finds half of it."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8, or replace one; its line ends are those of the text.

    Permissions of a file that was there stay.

    Raises:
        OSError: the file cannot be written; what was there before still is, and nothing else.
    """
    if path.exists() and not path.is_file():  # root would replace even /dev/null
        what = "is a folder" if path.is_dir() else "is not a regular file"
        raise OSError(errno.EINVAL, what, str(path))
    temporary = path.parent / f".{path.name}.{os.getpid()}"  # "." has no name to replace
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # made now: a link by this name leads elsewhere
            file.write(content.encode() if isinstance(content, str) else content)
        if path.exists():
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:  # Ctrl-C, too
        with suppress(OSError):
            temporary.unlink()
        raise


def synced(path: Path) -> None:
    """Wait until the content of a file is on the disk, where it survives a power failure.

    Raises:
        OSError: it cannot be written there.
    """
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)
