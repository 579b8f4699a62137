"""Signals that end a program end a run as Ctrl-C does: its record says by which one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

ENDING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, what systems that shut down send, and what a terminal sends that is closed."""


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
    which ends the process at once. What was to be ignored, as by nohup, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only that one can say so
        return
    ours = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in ENDING}
    taken = [number for number in ENDING if before[number] in ours]

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for each in taken:
            signal.signal(each, signal.SIG_DFL if each == signal.SIGINT else signal.SIG_IGN)
        raise Stopped(number)

    try:
        for number in taken:
            signal.signal(number, stop)
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


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
