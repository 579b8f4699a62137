"""A process that runs the command line on each case in a child, which is limited and watched.

Everything is imported once, here; a child begins a few milliseconds after it was asked for. The
limits and the audit hook are those of the child alone, and what kills it is an observation.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import pkgutil
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hostile.watch import watch

import hrnet_zoo
from hrnet_zoo import cli

CPU_SECONDS = 8
"""Processor time of a case; sound ones take a tenth of one."""
WALL_SECONDS = 45.0
"""Time for what waits instead of computing, or for what others compute meanwhile."""
WHERE = signal.SIGXCPU
"""Lets a child write where it is; the system sends it one second before it ends the child."""
MEMORY_BYTES = 1 << 30
"""What a case may take on top of what is imported; sound ones take a tenth."""
FILE_BYTES = 64 << 20
"""Size of a file that a case may write."""


def serve() -> None:
    """Answer every case on standard input with a line of JSON on standard output."""
    for module in pkgutil.walk_packages(hrnet_zoo.__path__, "hrnet_zoo."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_outcome(**json.loads(line))) + "\n")
        sys.stdout.flush()


def _outcome(
    folder: str, arguments: list[str], code: str = "", wall_seconds: float = WALL_SECONDS
) -> dict[str, Any]:
    """Run one case, or a line of Python instead; return how it ended and the time it took."""
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _run(Path(folder), arguments, code)
    waiting = os.pidfd_open(child)
    ended = bool(select.select([waiting], [], [], wall_seconds)[0])
    if not ended:
        os.kill(child, WHERE)
        select.select([waiting], [], [], 1)
    os.close(waiting)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it started goes with it
    _, status, used = os.wait4(child, 0)
    return {
        "code": os.waitstatus_to_exitcode(status),
        "late": not ended,
        "seconds": time.monotonic() - begun,
        "cpu_seconds": used.ru_utime + used.ru_stime,
    }


def _run(folder: Path, arguments: list[str], harm: str) -> None:
    """Be the child: run the command line and leave."""
    code = 99
    try:
        os.setpgid(0, 0)
        os.chdir(folder / "work")
        _redirect(folder)
        os.environ.update(_variables(folder))
        tempfile.tempdir = None  # or the one that was found before is taken
        watch(folder)
        _limit()
        sys.argv = ["hrnet-zoo", *arguments]
        if harm:
            # As a command would, whose mistakes `main` catches.
            cli._run = lambda: (eval(harm, {"os": os}), 0)[1]
        cli.main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 98
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _redirect(folder: Path) -> None:
    """Let output go to files, written as on a terminal that takes UTF-8."""
    for name, number, errors in (("out", 1, "strict"), ("err", 2, "backslashreplace")):
        file = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        stream = open(number, "w", encoding="utf-8", errors=errors, closefd=False)  # noqa: SIM115
        setattr(sys, f"std{name}", stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _variables(folder: Path) -> Mapping[str, str]:
    variables = {
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "scratch"),
        "HRNET_ZOO_CACHE": str(folder / "cache"),
    }
    settings = folder / "given" / "settings.toml"
    return variables | ({"HRNET_ZOO_SETTINGS": str(settings)} if os.path.lexists(settings) else {})


def _limit() -> None:
    held = Path("/proc/self/statm").read_text()
    data_bytes = int(held.split()[5]) * resource.getpagesize()
    faulthandler.register(WHERE, file=2, all_threads=True)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    for what, limit in (
        (resource.RLIMIT_DATA, data_bytes + MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))


if __name__ == "__main__":
    serve()
