"""Command lines in processes of their own, for tests that send them signals; not on Windows."""

from __future__ import annotations

import os
import signal
import sys
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
            "hrnet_zoo.cli.verify",
            "hrnet_zoo.runs.images",
            "hrnet_zoo.tasks.detection.networks",
            "hrnet_zoo.tasks.segmentation.networks",
            "torchvision.ops",
        ]
    )
    return context


def started(*arguments: str) -> BaseProcess:
    """Start the command line with these arguments; what it prints is lost."""
    given = (arguments, dict(os.environ), Path.cwd())
    process = _context().Process(target=_run, args=given)
    process.start()
    return process


def _run(arguments: tuple[str, ...], variables: dict[str, str], folder: Path) -> None:
    # Jobs in the background of a shell ignore Ctrl-C, and what they start does, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stdout = sys.stderr = nowhere
        sys.argv = ["hrnet-zoo", *arguments]
        main()
