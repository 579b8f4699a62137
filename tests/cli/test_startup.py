"""How long the torch-free commands take to start, beyond an empty Python."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hrnet_zoo.system.processors import busy_processors

pytestmark = pytest.mark.alone

LIMIT_S = 0.25
SHARED = 1.25
"""Times as long where other programs compute: two threads of one core share what it can do."""
PAIRS = 16


def seconds(command: list[str]) -> float:
    """Processor time, which is all that starting takes once files are cached.

    On a shared machine the clock on the wall says more about the other programs.
    """
    # In microseconds: the ticks of os.times are 10 ms, as much as an empty Python takes.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "--format", "json"]], ids=" ".join
)
def test_starts_within_a_quarter_of_a_second(arguments: list[str]) -> None:
    """The best of several runs of each: what the machine does besides can only add to it."""
    program = shutil.which("hrnet-zoo", path=str(Path(sys.executable).parent))
    assert program is not None
    command, empty = [program, *arguments], [sys.executable, "-c", "pass"]
    seconds(command)  # compiles the bytecode
    pairs = [(seconds(command), seconds(empty)) for _ in range(PAIRS)]
    fastest_command, fastest_empty = map(min, zip(*pairs, strict=True))
    is_shared = (busy_processors() or 0.0) >= 0.5
    assert fastest_command - fastest_empty <= LIMIT_S * (SHARED if is_shared else 1)
