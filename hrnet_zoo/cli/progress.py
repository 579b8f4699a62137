"""Shows progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

from hrnet_zoo.cli.terminal import echo, harmless
from hrnet_zoo.system.progress import Progress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Yield a Progress fit for where standard error goes; bars are cleared when it ends."""
    shown = _Bars() if sys.stderr.isatty() else _Lines()
    try:
        yield shown
    finally:
        shown.end()


class _Bars:
    """One live bar per step."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bars: Bars | None = None
        self._task = TaskID(0)

    def begin(self, what: str, total: int | None, unit: str) -> None:
        self.end()
        counts: list[ProgressColumn] = []
        if unit == "B":
            counts = [DownloadColumn(), TransferSpeedColumn()]
        elif unit:
            counts = [MofNCompleteColumn()]
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            *counts,
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bars.add_task(harmless(what), total=total)
        self._bars.start()

    def update(self, done: int, total: int | None = None) -> None:
        if self._bars is not None:
            if total is not None:
                self._bars.update(self._task, total=total)
            self._bars.update(self._task, completed=done)

    def say(self, text: str) -> None:
        self._console.print(harmless(text), markup=False, highlight=False)

    def end(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


class _Lines:
    """A line when a step begins, when it is done, and now and then in between."""

    def __init__(self) -> None:
        self._what, self._unit = "", ""
        self._total: int | None = None
        self._last_line = 0.0

    def begin(self, what: str, total: int | None, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit
        self._last_line = time.monotonic()
        self.say(f"{what} ({total} {unit})" if total and unit != "B" else what)

    def update(self, done: int, total: int | None = None) -> None:
        self._total = total if total is not None else self._total
        due = time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES
        if due and done != self._total:
            self._last_line = time.monotonic()
            share = f" of {self._total}" if self._total else ""
            self.say(f"{self._what}: {done}{share} {self._unit}")

    def say(self, text: str) -> None:
        echo(text, err=True)

    def end(self) -> None:
        """Leave nothing to clean up."""
