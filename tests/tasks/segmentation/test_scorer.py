"""Views of an image share a pass through the network for as long as memory suffices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, resized_images
from hrnet_zoo.tasks.segmentation.scorer import Scorer

SIZE = (48, 64)
FLIPPED = SegmentationProtocol(
    scale=(64, 48),
    window=None,
    stride=None,
    ratios=(1.0, 1.5),
    flip=True,
    normalisation=Normalisation(mean=(0, 0, 0), std=(255, 255, 255), channel_order="rgb"),
)
WINDOWS = replace(FLIPPED, ratios=(1.0,), flip=False, window=(32, 32), stride=(16, 16))
IMAGE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


class SmallMemory:
    """A network that runs out of memory on more than one image at a time."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.batches.append(len(x))
        if len(x) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return x[:, :, ::4, ::4]


@pytest.mark.parametrize("protocol", [FLIPPED, WINDOWS], ids=["mirrored", "windows"])
def test_views_go_on_one_by_one_where_memory_is_small(protocol: SegmentationProtocol) -> None:
    network, images = SmallMemory(), resized_images(IMAGE, protocol)
    scorer = Scorer(network, torch.device("cpu"), batched=True)
    small = [scorer.scores(images, protocol, SIZE) for _ in range(2)]
    plenty = Scorer(lambda x: x[:, :, ::4, ::4], torch.device("cpu"), batched=True)
    expected = plenty.scores(images, protocol, SIZE)
    assert all(torch.equal(scores, expected) for scores in small)
    assert sum(batch > 1 for batch in network.batches) == 1  # it is not tried again
    assert "64 x 48 pixels together; from there on they were computed one by" in (
        scorer.remark or ""
    )
    assert plenty.remark is None


def test_one_view_that_does_not_fit_is_an_error() -> None:
    def full(_: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    scorer = Scorer(full, torch.device("cpu"), batched=True)
    with pytest.raises(torch.OutOfMemoryError):
        scorer.scores(resized_images(IMAGE, FLIPPED), FLIPPED, SIZE)


def test_other_errors_are_not_tried_again() -> None:
    calls = []

    def broken(x: Tensor) -> Tensor:
        calls.append(len(x))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    scorer = Scorer(broken, torch.device("cpu"), batched=True)
    with pytest.raises(RuntimeError, match="mat1"):
        scorer.scores(resized_images(IMAGE, FLIPPED), FLIPPED, SIZE)
    assert calls == [2]
