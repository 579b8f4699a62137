"""The one way to open a file that somebody else may have put there."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file for reading, if it is one: pipes wait for ever, and devices never end.

    Raises:
        OSError: the file cannot be opened, or is not a regular one.
    """
    # Without waiting for the other end, should it be a pipe; regular files take no notice.
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except ValueError as error:  # it holds a NUL, or half a character
        raise OSError(errno.EINVAL, f"is no name of a file ({error})", str(path)) from None
    mode = os.fstat(file).st_mode
    if not stat.S_ISREG(mode):
        os.close(file)
        what = "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"
        raise OSError(errno.EINVAL, what, str(path))
    return os.fdopen(file, "rb")


def read_regular(path: Path, at_most: int) -> bytes:
    """Return the content of a file.

    Args:
        path: the file.
        at_most: bytes that a file of its kind may have.

    Raises:
        OSError: the file cannot be read, is not a regular one, or is larger.
    """
    with open_regular(path) as file:
        said = os.fstat(file.fileno()).st_size
        content = file.read(min(said, at_most) + 1)  # takes as much memory as it is asked for
        if said < len(content) <= at_most:  # it grows, or is one of those that say 0
            content += file.read(at_most + 1 - len(content))
    if len(content) > at_most:
        size = f"has more than {at_most} bytes, which no such file needs"
        raise OSError(errno.EFBIG, size, str(path))
    return content
