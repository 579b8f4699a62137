"""COCO's figures by pycocotools and by faster evaluators.

nox -s bench times a part of a made-up COCO; as a script, "python bench/bench_coco.py" times one of
full size (5,000 images, 100 detections in each, 80 categories) and prints how many times faster.
"""

from __future__ import annotations

import time
from functools import cache
from typing import get_args

import pytest
from made_up_coco import Json, made_up_coco
from pytest_benchmark.fixture import BenchmarkFixture

from hrnet_zoo.tasks.detection.coco_ap import (
    BackendName,
    CocoFigures,
    ScoredRun,
    coco_figures,
    score_detections,
)

NUM_IMAGES, FULL_NUM_IMAGES = 200, 5000
NUM_DETECTIONS, NUM_CATEGORIES = 100, 80
BACKENDS: tuple[BackendName, ...] = get_args(BackendName)


@cache
def case(num_images: int) -> tuple[Json, list[Json]]:
    return made_up_coco(num_images, NUM_DETECTIONS, NUM_CATEGORIES)


def figures(backend: BackendName, num_images: int) -> CocoFigures:
    truth, results = case(num_images)
    ids = [image["id"] for image in truth["images"]]
    return coco_figures(truth, results, "bbox", image_ids=ids, protocol="mmdet", backend=backend)


def twelve(found: CocoFigures) -> list[float | None]:
    return list(found.twelve.values())


@pytest.mark.benchmark(group="COCO boxes, 200 images x 100 detections, 80 categories", min_rounds=2)
@pytest.mark.parametrize("backend", BACKENDS)
def test_evaluators(benchmark: BenchmarkFixture, backend: BackendName) -> None:
    found = benchmark(figures, backend, NUM_IMAGES)
    expected = figures("pycocotools", NUM_IMAGES)
    assert twelve(found) == pytest.approx(twelve(expected), abs=1e-9)
    assert found.per_category == pytest.approx(expected.per_category, abs=1e-9)


def score(backend: BackendName) -> ScoredRun:
    truth, results = case(FULL_NUM_IMAGES)
    ids = [image["id"] for image in truth["images"]]
    return score_detections(
        truth, results, "bbox", image_ids=ids, protocol="mmdet", backend=backend
    )


def main() -> None:
    """Time every evaluator at full size, alone and with the comparison that comes before it."""
    case(FULL_NUM_IMAGES)
    reference_s = 0.0
    expected: list[float | None] = []
    for backend in BACKENDS:
        begin = time.perf_counter()
        found = twelve(figures(backend, FULL_NUM_IMAGES))
        alone_s = time.perf_counter() - begin
        if backend == "pycocotools":
            reference_s, expected = alone_s, found
            print(f"{backend:<12} {alone_s:7.2f} s   AP {found[0]:.6f}")
            continue
        assert found == pytest.approx(expected, abs=1e-9)
        begin = time.perf_counter()
        run = score(backend)
        checked_s = time.perf_counter() - begin
        assert run.scoring.backend == backend, run.scoring.remarks
        print(
            f"{backend:<12} {alone_s:7.2f} s   {reference_s / alone_s:5.1f} times faster; "
            f"{checked_s:.2f} s and {reference_s / checked_s:.1f} times with the comparison"
        )


if __name__ == "__main__":
    main()
