"""What may happen to a command while it runs, at a moment or a place that is drawn."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from support.started import started

from hrnet_zoo.records import files

SIGNALS = ("SIGKILL", "SIGTERM", "SIGHUP", "SIGINT")
OTHERS = ("full disk", "folder deleted", "file in the folder's place", "clock set back")
FAULTS = (*SIGNALS, *OTHERS)
DOCUMENTED = {0, 1, 3}
"""Exit codes of commands that were given rightly and not ended by a signal."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that something happened to."""

    code: int
    printed: str


def limit_file_size(size_bytes: int) -> None:
    """Let writing fail once a file is so large, as it does on a full disk."""
    import resource  # noqa: PLC0415 - not on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def set_clock_back(calls: int) -> None:
    """Let the clock go back by a year once it was asked so often."""
    right, asked = files.now, []

    def wrong() -> datetime:
        asked.append(1)
        return right() - timedelta(days=365 if len(asked) > calls else 0)

    files.now = wrong


def run(arguments: list[str], printed: Path, first: Callable[[], object] | None = None) -> Ended:
    """Run a command to its end."""
    process = started(*arguments, printed=printed, first=first)
    process.join(120)
    assert process.exitcode is not None, f"{arguments} hangs"
    return Ended(code=process.exitcode, printed=printed.read_text() if printed.exists() else "")


def run_with(
    fault: str, arguments: list[str], place: Path, duration_s: float, rng: random.Random
) -> Ended:
    """Run a command that something happens to.

    Args:
        fault: one of `FAULTS`.
        arguments: of the command.
        place: folder that it writes into.
        duration_s: how long it takes otherwise.
        rng: draws the moment, or how much the disk holds.
    """
    printed, moment = place.with_name(f"{place.name}.txt"), rng.uniform(0, duration_s)
    if fault == "full disk":
        return run(arguments, printed, partial(limit_file_size, int(10 ** rng.uniform(1, 4.5))))
    if fault == "clock set back":
        return run(arguments, printed, partial(set_clock_back, rng.randrange(3)))
    process = started(*arguments, printed=printed)
    _wait(process, moment)
    if fault in SIGNALS:
        assert process.pid is not None
        with suppress(ProcessLookupError):  # it was faster
            os.kill(process.pid, getattr(signal, fault))
    else:
        shutil.rmtree(place, ignore_errors=True)
        if fault == "file in the folder's place" and not place.exists():
            place.touch()
    process.join(120)
    if place.is_file():
        place.unlink()
    assert process.exitcode is not None, f"{arguments} hangs after {fault}"
    return Ended(code=process.exitcode, printed=printed.read_text() if printed.exists() else "")


def _wait(process: BaseProcess, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.is_alive():
        time.sleep(0.002)


def require_orderly(fault: str, ended: Ended) -> None:
    """A command ends by the signal, says what is the matter, or does not notice."""
    expected = set(DOCUMENTED)
    if fault in SIGNALS:
        number = getattr(signal, fault)
        expected |= {-number, 128 + number}  # before it could do anything about it, or after
    assert ended.code in expected, f"exit code {ended.code} after {fault}: {ended.printed}"
    assert "Traceback" not in ended.printed, ended.printed
