"""Comparing 10,000 records, and resampling the images of a large data set.

nox -s bench -- -k compare
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_up_runs import images, write_many
from pytest_benchmark.fixture import BenchmarkFixture

from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.jackknife import kept
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

ROWS, RUNS = 50, 100
NUM_IMAGES, NUM_CLASSES, PAIRS_MET = 2000, 150, 120


@pytest.mark.benchmark(group="compare", min_rounds=3)
@pytest.mark.parametrize("wrong", [0.3, 0.31], ids=["equal", "all rows changed"])
def test_ten_thousand_records(benchmark: BenchmarkFixture, tmp_path: Path, wrong: float) -> None:
    """The whole process: 5,000 records on each side, the newest of each row with 500 images."""
    sides = [tmp_path / "base", tmp_path / "head"]
    for side, share in zip(sides, (0.3, wrong), strict=True):
        write_many(side, rows=ROWS, runs=RUNS, images_of=images(500, 1, share))
    command = [sys.executable, "-m", "hrnet_zoo", "compare", *map(str, sides)]
    finished = benchmark(subprocess.run, command, capture_output=True, check=False)
    assert finished.returncode == (0 if wrong == 0.3 else 1)


@pytest.mark.benchmark(group="compare", min_rounds=3)
def test_paired_jackknife(benchmark: BenchmarkFixture) -> None:
    """Two runs over as many images as ADE20K has, and their classes."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(NUM_IMAGES):
        counts = np.zeros((NUM_CLASSES + 1) * NUM_CLASSES, np.int64)
        counts[rng.choice(counts.size, PAIRS_MET, replace=False)] = rng.integers(1, 9999, PAIRS_MET)
        made.append(SparseCounts.of(counts.reshape(NUM_CLASSES + 1, NUM_CLASSES)))
    task = TASKS["segmentation"]
    texts, weights = [image.to_text() for image in made], kept(NUM_IMAGES, task.most_groups)
    _, values = benchmark(lambda: task.reweighted_runs(METRICS["miou"], [texts, texts], weights))
    assert values.shape == (2, task.most_groups)
