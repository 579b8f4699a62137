"""From a file's bytes to the network's input: what a worker thread does for each image.

nox -s bench
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.zoo.manifest import load_zoo

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Case:
    """An image of a data set, and the row whose protocol prepares it."""

    row: str
    suffix: str
    height: int
    width: int
    prepared: tuple[int, int]
    """(height, width) of the network's input, before padding."""


CASES = {
    "Cityscapes": Case(
        row="fcn_hr18_512x1024_40k_cityscapes",
        suffix=".png",
        height=1024,
        width=2048,
        prepared=(1024, 2048),
    ),
    "COCO": Case(
        row="faster_rcnn_hrnetv2p_w18_1x_coco",
        suffix=".jpg",
        height=480,
        width=640,
        prepared=(800, 1067),
    ),
}
each_data_set = pytest.mark.parametrize("name", CASES)


@cache
def encoded(name: str) -> bytes:
    """Return a file whose content packs about as well as a photograph."""
    case = CASES[name]
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (case.height // 16, case.width // 16, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (case.width, case.height), interpolation=cv2.INTER_CUBIC)
    noisy = np.clip(smooth + rng.integers(0, 8, smooth.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(case.suffix, noisy)[1].tobytes()


def decoded(name: str) -> NDArray[np.uint8]:
    """Return the image, by the package."""
    return decode_image(encoded(name), Path(name))


def protocol(name: str) -> tuple[tuple[int, int], Normalisation]:
    """Return the box of the resize, and the normalisation."""
    setup = load_zoo().row(CASES[name].row).setup
    return setup.test.scale, setup.normalisation


@pytest.mark.benchmark(group="decode")
@each_data_set
def test_decode(benchmark: BenchmarkFixture, name: str) -> None:
    image = benchmark(decode_image, encoded(name), Path(name))
    plain = cv2.imdecode(np.frombuffer(encoded(name), np.uint8), cv2.IMREAD_COLOR)
    assert plain is not None
    assert np.array_equal(image, cv2.cvtColor(plain, cv2.COLOR_BGR2RGB))


@pytest.mark.benchmark(group="normalise")
@each_data_set
def test_normalise(benchmark: BenchmarkFixture, name: str) -> None:
    _, normalisation = protocol(name)
    image = decoded(name)
    prepared = benchmark(to_network_input, image, normalisation, CPU)
    pixels = image[..., :: -1 if normalisation.channel_order == "bgr" else 1]
    expected = (pixels - np.array(normalisation.mean)) / np.array(normalisation.std)
    assert np.allclose(prepared[0].permute(1, 2, 0).numpy(), expected, atol=1e-4)


@pytest.mark.benchmark(group="decode + resize + normalise")
@each_data_set
def test_whole_pipeline(benchmark: BenchmarkFixture, name: str) -> None:
    scale, normalisation = protocol(name)
    content = encoded(name)

    def pipeline() -> Tensor:
        image = resize_keep_ratio(decode_image(content, Path(name)), scale)
        return to_network_input(image, normalisation, CPU)

    assert benchmark(pipeline).shape == (1, 3, *CASES[name].prepared)
