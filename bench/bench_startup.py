"""What every command pays before it does anything: the manifest, and starting Python.

nox -s bench
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from hrnet_zoo.readme.update import update_readme
from hrnet_zoo.zoo.manifest import load_zoo

NUM_ROWS = 76
READMES = Path(__file__).parent.parent / "tests" / "data" / "readmes"


# A garbage collection would walk over all that pytest and torch hold, too.
@pytest.mark.benchmark(group="manifest", disable_gc=True)
def test_load_manifest(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(load_zoo).rows) == NUM_ROWS


def output_of(*arguments: str) -> str:
    """Run Python in a process of its own, with the package of this one; return what it printed."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own command


@pytest.fixture
def all_readmes(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes(b"".join(part.read_bytes() for part in sorted(READMES.iterdir())))
    return path


@pytest.mark.benchmark(group="README", disable_gc=True)
def test_nothing_to_change_in_any_row(benchmark: BenchmarkFixture, all_readmes: Path) -> None:
    text, zoo = all_readmes.read_bytes().decode(), load_zoo()
    assert benchmark(update_readme, text, zoo, {}, "documented").new == text


@pytest.mark.benchmark(group="README", min_rounds=10)
def test_readme_check_with_start_up(benchmark: BenchmarkFixture, all_readmes: Path) -> None:
    assert not benchmark(output_of, "-P", "-m", "hrnet_zoo", "readme", str(all_readmes), "--check")


@pytest.mark.benchmark(group="start-up", min_rounds=10)
@pytest.mark.parametrize("arguments", [["--help"], ["list"]], ids=" ".join)
def test_command(benchmark: BenchmarkFixture, arguments: list[str]) -> None:
    assert "hrnet" in benchmark(output_of, "-P", "-m", "hrnet_zoo", *arguments)


@pytest.mark.benchmark(group="start-up", min_rounds=10)
def test_empty_python(benchmark: BenchmarkFixture) -> None:
    """What the others cannot go below."""
    assert not benchmark(output_of, "-P", "-c", "pass")
