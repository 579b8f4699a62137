"""Encoded masks against the plain ways, for 100 detections in an 800 x 1333 image.

nox -s bench
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pasting import (
    TIE,
    blobs,
    encode_within_boxes,
    plain_encode_masks,
    random_boxes,
    sampled,
)
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from hrnet_zoo.datasets.detections import Rle
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.tasks.detection.masks import encode_masks

NUMBER, SIZE = 100, (800, 1333)
LIMIT_S = {"usual": 0.1, "full": 0.5}
PROBABILITIES = blobs(NUMBER, 0)
BOXES = {
    "usual": random_boxes(NUMBER, SIZE, 1),
    "full": torch.tensor([[0.0, 0, SIZE[1], SIZE[0]]]).repeat(NUMBER, 1),
}
Encode = Callable[[Tensor, Tensor, tuple[int, int]], list[Rle]]
both_kinds = pytest.mark.parametrize("kind", BOXES)


@both_kinds
@pytest.mark.parametrize("encode", [plain_encode_masks, encode_within_boxes])
def test_all_encode_the_same(kind: str, encode: Encode) -> None:
    fast = encode_masks(PROBABILITIES, BOXES[kind], SIZE)
    plain = encode(PROBABILITIES, BOXES[kind], SIZE)
    for i in [i for i in range(NUMBER) if fast[i] != plain[i]]:
        differs = np.not_equal(*decode_masks([fast[i], plain[i]]))
        values = sampled(PROBABILITIES[i], BOXES[kind][i], SIZE)[differs]
        assert np.abs(values - 0.5).max() <= TIE


@both_kinds
@pytest.mark.benchmark(group="100 masks, 800 x 1333")
def test_crossings(benchmark: BenchmarkFixture, kind: str) -> None:
    benchmark(encode_masks, PROBABILITIES, BOXES[kind], SIZE)
    assert benchmark.stats is not None
    assert benchmark.stats["median"] < LIMIT_S[kind]


@both_kinds
@pytest.mark.benchmark(group="100 masks, 800 x 1333")
def test_pixels_of_boxes(benchmark: BenchmarkFixture, kind: str) -> None:
    benchmark(encode_within_boxes, PROBABILITIES, BOXES[kind], SIZE)


@both_kinds
@pytest.mark.benchmark(group="100 masks, 800 x 1333")
def test_every_pixel(benchmark: BenchmarkFixture, kind: str) -> None:
    benchmark(plain_encode_masks, PROBABILITIES, BOXES[kind], SIZE)
