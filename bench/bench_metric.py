"""The confusion matrix against the three-histogram way, on one Cityscapes-sized image.

nox -s bench
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from label_maps import Map, street_maps
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from hrnet_zoo.datasets.label_images import IGNORED
from hrnet_zoo.tasks.segmentation.counting import count_pairs

HEIGHT, WIDTH, NUM_CLASSES = 1024, 2048, 19
LIMIT_S = 0.005


@pytest.fixture(scope="module")
def maps() -> tuple[Map, Map]:
    return street_maps(HEIGHT, WIDTH, NUM_CLASSES)


def three_histograms(prediction: Map, label: Map) -> NDArray[np.int64]:
    """Return intersection, prediction and label areas: mask first, then one histogram for each."""
    known = label != IGNORED
    prediction, label = prediction[known], label[known]
    parts = (prediction[prediction == label], prediction, label)
    areas = [
        torch.histc(torch.from_numpy(part).float(), NUM_CLASSES, 0, NUM_CLASSES - 1).numpy()
        for part in parts
    ]
    return np.stack(areas).astype(np.int64)


def test_both_count_the_same(maps: tuple[Map, Map]) -> None:
    counts = count_pairs(*maps, NUM_CLASSES)
    areas = np.stack([np.diagonal(counts), counts.sum(axis=0), counts[:-1].sum(axis=1)])
    assert np.array_equal(areas, three_histograms(*maps))


@pytest.mark.benchmark(group="metric, 1024 x 2048, 19 classes")
def test_fused_bincount(benchmark: BenchmarkFixture, maps: tuple[Map, Map]) -> None:
    benchmark(count_pairs, *maps, NUM_CLASSES)
    assert benchmark.stats is not None
    assert benchmark.stats["median"] < LIMIT_S


@pytest.mark.benchmark(group="metric, 1024 x 2048, 19 classes")
def test_three_histograms(benchmark: BenchmarkFixture, maps: tuple[Map, Map]) -> None:
    benchmark(three_histograms, *maps)
