"""Command lines in processes of their own, for tests that send them signals; not on Windows."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from hrnet_zoo.cli import main


@cache
def _context() -> ForkServerContext:
    """Fork them off a process that has imported what they need, so that they start at once.

    It computes nothing itself: the threads that torch computes with would not survive a fork.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(
        [
            "hrnet_zoo.cli.data",
            "hrnet_zoo.cli.fetch",
            "hrnet_zoo.cli.verify",
            "hrnet_zoo.runs.images",
            "hrnet_zoo.tasks.classification.networks",
            "hrnet_zoo.tasks.detection.networks",
            "hrnet_zoo.tasks.segmentation.networks",
            "torchvision.ops",
        ]
    )
    return context


def started(
    *arguments: str, printed: Path | None = None, first: Callable[[], object] | None = None
) -> BaseProcess:
    """Start the command line with these arguments.

    Args:
        arguments: after the program's name.
        printed: file that gets what is printed; None: it is lost.
        first: is called in the new process before anything else.
    """
    given = (arguments, dict(os.environ), Path.cwd(), printed or Path(os.devnull), first)
    process = _context().Process(target=_run, args=given)
    process.start()
    return process


def _run(
    arguments: tuple[str, ...],
    variables: dict[str, str],
    folder: Path,
    printed: Path,
    first: Callable[[], object] | None,
) -> None:
    # Jobs in the background of a shell ignore Ctrl-C, and what they start does, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    with printed.open("a", encoding="utf-8") as file:
        sys.stdout = sys.stderr = file
        if first is not None:
            first()
        sys.argv = ["hrnet-zoo", *arguments]
        main()
