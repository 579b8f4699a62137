"""Signals that end a program, sent to this very process."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from hrnet_zoo.system.signals import ENDING, Stopped, exit_code_of, name_of, raised

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


@pytest.mark.parametrize(
    ("number", "code", "name"),
    [
        (signal.SIGINT, 130, "SIGINT (Ctrl-C)"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP"),
    ],
)
def test_a_signal_interrupts_as_ctrl_c_does(number: int, code: int, name: str) -> None:
    before = [signal.getsignal(each) for each in ENDING]
    with pytest.raises(KeyboardInterrupt) as stopped, raised():
        os.kill(os.getpid(), number)
    assert isinstance(stopped.value, Stopped)
    assert (exit_code_of(stopped.value), name_of(stopped.value)) == (code, name)
    assert [signal.getsignal(each) for each in ENDING] == before


def test_what_comes_while_files_are_put_in_order_is_ignored() -> None:
    """Whoever closes a terminal sends SIGHUP twice; systems send SIGTERM as well."""
    ended = []

    def stopped_twice() -> None:
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGTERM)
            ended.append("in order")

    with pytest.raises(Stopped), raised():
        stopped_twice()
    assert ended == ["in order"]


def test_a_signal_comes_again_where_none_can_be_raised() -> None:
    """Python drops what callbacks of garbage collection raise: the run would just go on."""

    class Thing:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    went_on = []

    def drop() -> None:
        things = [Thing()]
        things.clear()
        went_on.append("for a moment")
        time.sleep(10)

    with pytest.raises(Stopped) as stopped, raised():
        drop()
    assert stopped.value.number == signal.SIGTERM
    assert went_on


def test_what_a_library_makes_of_it_is_still_the_signal() -> None:
    """Pydantic's SchemaError was a traceback and exit code 70 after SIGTERM."""

    def build() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt as error:
            msg = f"Error building: {error}"
            raise RuntimeError(msg) from None

    with pytest.raises(Stopped) as stopped, raised():
        build()
    assert stopped.value.number == signal.SIGTERM


def test_other_mistakes_stay_what_they_are() -> None:
    with pytest.raises(ZeroDivisionError), raised():
        1 / 0  # noqa: B018


def test_what_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raised():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
