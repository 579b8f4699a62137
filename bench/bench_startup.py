"""What every command pays before it does anything: the manifest, and starting Python.

nox -s bench
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hrnet_zoo.manifest import load_zoo

NUM_ROWS = 67


# A garbage collection would walk over all that pytest and torch hold, too.
@pytest.mark.benchmark(group="manifest", disable_gc=True)
def test_load_manifest(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(load_zoo).rows) == NUM_ROWS


def output_of(*arguments: str) -> str:
    """Run Python in a process of its own, with the package of this one; return what it printed."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own command


@pytest.mark.benchmark(group="start-up", min_rounds=10)
@pytest.mark.parametrize("arguments", [["--help"], ["list"]], ids=" ".join)
def test_command(benchmark: BenchmarkFixture, arguments: list[str]) -> None:
    assert "hrnet" in benchmark(output_of, "-P", "-m", "hrnet_zoo", *arguments)


@pytest.mark.benchmark(group="start-up", min_rounds=10)
def test_empty_python(benchmark: BenchmarkFixture) -> None:
    """What the others cannot go below."""
    assert not benchmark(output_of, "-P", "-c", "pass")
