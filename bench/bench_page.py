"""How long the HTML report takes for all rows with ten thousand records, as a whole process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from made_up_zoo import write_zoo
from pytest_benchmark.fixture import BenchmarkFixture

RUNS = 134
"""Of every row; together with the timings, ten thousand files."""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "records"
    assert write_zoo(folder, runs=RUNS) > 9_900
    return folder


def test_html_of_ten_thousand_records(
    benchmark: BenchmarkFixture, records: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report.html"
    command = [sys.executable, "-m", "hrnet_zoo", "report", "html"]
    command += ["--records", str(records), "--output", str(output)]
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        subprocess.run, (command,), {"check": True}, rounds=3, warmup_rounds=1
    )
    assert output.stat().st_size < 3_000_000
