"""Reading and replacing a text file without touching its line ends."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.errors import ReadmeError, explain_os_error
from hrnet_zoo.system.whole_file import write_whole


def read_text(path: Path) -> str:
    """Return a file's text, with its line ends as they are.

    Raises:
        ReadmeError: the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ReadmeError(explain_os_error(error)) from None
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 and try again."
        raise ReadmeError(msg) from None


def write_text(path: Path, text: str) -> None:
    """Write a file, or replace one, in one step, so that no half-written file is ever there.

    Permissions of a file that was there stay, and so does a link that leads to it.

    Raises:
        ReadmeError: the folder cannot be written to.
    """
    try:
        write_whole(path.resolve(), text)
    except OSError as error:
        raise ReadmeError(explain_os_error(error)) from None
