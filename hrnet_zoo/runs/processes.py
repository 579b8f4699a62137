"""Processes that do a part of a run: how they begin, and how they ended."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import TypeVar

from hrnet_zoo.errors import PrerequisiteError, ZooError
from hrnet_zoo.system import signals
from hrnet_zoo.system.progress import Progress

Result = TypeVar("Result")


class EndedError(PrerequisiteError):
    """A process ended without an answer, or was ended."""


def in_new_process(
    progress: Progress,
    work: Callable[..., Result],
    *given: object,
    limit_s: float | None = None,
) -> Result:
    """Return what a function returns in a process that starts anew, and show its progress here.

    Args:
        progress: is told what the function tells the Progress that it gets as last argument.
        work: of a module, as all that is given to it must be picklable.
        given: to the function.
        limit_s: seconds that it may take; None: any time.

    Raises:
        ZooError: the function raised it, the process ended by itself, or it took too long.
        OSError: the function raised it.
    """
    context = get_context("spawn")  # a fork would share CUDA's state and the threads' locks
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(work, given, theirs), daemon=True)
    with signals.ignored():
        process.start()
    theirs.close()
    end = None if limit_s is None else time.monotonic() + limit_s
    try:
        while True:
            if end is not None and not ours.poll(max(end - time.monotonic(), 0)):
                msg = f"A process that was started for it was ended after {limit_s:.0f} seconds."
                raise EndedError(msg)
            what, said = ours.recv()
            if what == "returned":
                result: Result = said[0]
                return result
            if what == "raised":
                raise said[0]
            getattr(progress, what)(*said)
    except EOFError:
        process.join()
        msg = f"A process that was started for it ended by itself ({how_ended(process)})."
        raise EndedError(msg) from None
    finally:
        process.kill()  # other signals it ignores
        process.join()


class _Told:
    """A Progress that tells the parent."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, what: str, total: int | None, unit: str) -> None:
        self._pipe.send(("begin", (what, total, unit)))

    def update(self, done: int, total: int | None = None) -> None:
        self._pipe.send(("update", (done, total)))

    def say(self, text: str) -> None:
        self._pipe.send(("say", (text,)))


def _serve(work: Callable[..., object], given: tuple[object, ...], pipe: Connection) -> None:
    """Do the work and tell what became of it; runs in the new process."""
    with suppress(OSError):  # nobody is there to be told anything
        try:
            pipe.send(("returned", (work(*given, _Told(pipe)),)))
        except (ZooError, OSError) as error:  # the parent's end may be what is closed
            pipe.send(("raised", (error,)))
        except Exception:  # noqa: BLE001 - the parent raises it
            pipe.send(("raised", (RuntimeError(traceback.format_exc()),)))


def how_ended(process: BaseProcess) -> str:
    """Return how a process ended, in words."""
    code = process.exitcode
    if code is None or code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return f"killed by {signal.Signals(-code).name}"
    return f"killed by signal {-code}"
