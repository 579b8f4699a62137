"""Signals that end a program end a run as Ctrl-C does: its record says by which one."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, what systems that shut down send, and what a terminal sends that is closed."""

_AGAIN_S = 0.01
"""Until a signal is sent again: the place that took no exception is left by then."""


class Stopped(KeyboardInterrupt):
    """A signal came that ends a program."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def name_of(interrupt: KeyboardInterrupt) -> str:
    """Return what interrupted the program, for people."""
    number = interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT
    name = signal.Signals(number).name
    return f"{name} (Ctrl-C)" if number == signal.SIGINT else name


def exit_code_of(interrupt: BaseException) -> int:
    """Return 128 and the number of the signal, as shells do."""
    return 128 + (interrupt.number if isinstance(interrupt, Stopped) else signal.SIGINT)


@contextmanager
def raised() -> Iterator[None]:
    """Raise `Stopped` in the main thread when a signal comes that would end the process.

    The first one counts: while files are put in order, others are ignored, but for a second Ctrl-C,
    which ends the process at once. What was to be ignored, as by nohup, stays so. Where no
    exception can be raised, as in callbacks of garbage collection, the signal comes again; and what
    native code made of the exception (pydantic does, while it builds a model) becomes it again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only that one can say so
        return
    ours = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in ENDING}
    stop = _Stop([number for number in ENDING if before[number] in ours])
    try:
        sys.unraisablehook = stop.not_raised
        stop.wait()
        yield
    except Exception as error:
        if stop.came is not None:
            raise Stopped(stop.came) from error
        raise
    finally:
        sys.unraisablehook = stop.report
        for number in stop.numbers:
            signal.signal(number, before[number])


class _Stop:
    """Raises `Stopped` for the first signal that comes."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self.numbers = numbers
        self.came: int | None = None
        self.report = sys.unraisablehook

    def wait(self) -> None:
        """Take the next signal."""
        for number in self.numbers:
            signal.signal(number, self._raise)

    def not_raised(self, lost: sys.UnraisableHookArgs) -> None:
        """Let a signal come again if Python had to drop the exception; report others."""
        if isinstance(lost.exc_value, Stopped):
            self.wait()
            again = (os.getpid(), lost.exc_value.number)
            threading.Timer(_AGAIN_S, os.kill, again).start()
        else:
            self.report(lost)

    def _raise(self, number: int, _: FrameType | None) -> NoReturn:
        for each in self.numbers:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGINT else signal.SIG_IGN)
        self.came = number
        raise Stopped(number)


@contextmanager
def ignored() -> Iterator[None]:
    """Let a process that starts ignore these signals from its beginning, as it inherits it."""
    if threading.current_thread() is not threading.main_thread():
        yield  # as above
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
