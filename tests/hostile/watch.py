"""Sees what Python does in a process, and stops what no foreign file may bring it to."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITABLE = ("work", "cache", "home", "scratch", "out", "err")
"""Where a case may write, within its folder."""

STARTING = {
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
}
TALKING = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}
CHANGING = {
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
}
"""Event -> which of its arguments are paths that it changes."""
FOLDER_AT = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2}
"""Event -> which of its arguments is the open folder that the path is relative to."""
OURS = {"git", "uname", Path(sys.executable).name}
"""Programs that commands start, and that the standard library does."""


def watch(folder: Path) -> None:
    """Write to ``folder/seen`` and stop whatever leaves the folders of a case.

    Native code is not seen; what it leaves in the folder of cases is.
    """
    seen = os.open(folder / "seen", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    within = tuple(os.path.realpath(folder / name) for name in WRITABLE)
    looks: dict[str, Callable[[tuple[Any, ...]], str | None]] = {
        "open": lambda given: _written(given, within),
        "exec": lambda given: _foreign_code(given[0], os.path.realpath(folder)),
        "subprocess.Popen": _started,
    }

    def hook(event: str, given: tuple[Any, ...]) -> None:
        found: str | None = None
        if event in looks:
            found = looks[event](given)
        elif event in CHANGING:
            found = _changed(event, given, within)
        elif event in STARTING or event in TALKING:
            found = ascii(given)[:300]
        if found:
            os.write(seen, f"{event}: {found}\n".encode())
            msg = f"stopped by the suite: {event} {found}"
            raise PermissionError(msg)

    sys.addaudithook(hook)


def _written(given: tuple[Any, ...], within: tuple[str, ...]) -> str | None:
    path, _, flags = given
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    if isinstance(path, int) or not writes or str(path).startswith("/dev/"):
        return None
    return _outside(path, within)


def _changed(event: str, given: tuple[Any, ...], within: tuple[str, ...]) -> str | None:
    at = FOLDER_AT.get(event)
    base = f"/proc/self/fd/{given[at]}" if at is not None and given[at] not in (None, -1) else ""
    for index in CHANGING[event]:
        found = _outside(Path(base, os.fsdecode(given[index])), within, last=False)
        if found:
            return found
    return None


def _outside(path: Any, within: tuple[str, ...], *, last: bool = True) -> str | None:
    """Return the path if it lies elsewhere; whether its last part is followed is the event's."""
    text = os.fsdecode(path)
    if last:
        real = os.path.realpath(text)
    else:
        parent, name = os.path.split(os.path.abspath(text))  # noqa: PTH100 - no resolving
        real = os.path.join(os.path.realpath(parent), name)  # noqa: PTH118
    if any(real == place or real.startswith(place + os.sep) for place in within):
        return None
    return ascii(real)


def _started(given: tuple[Any, ...]) -> str | None:
    program = os.path.basename(os.fsdecode(given[0]))  # noqa: PTH119
    return None if program in OURS else ascii(given[:2])[:300]


def _foreign_code(code: Any, folder: str) -> str | None:
    name = getattr(code, "co_filename", "")
    return ascii(name) if name.startswith(folder + os.sep) else None
