"""Runs a segmentation model over images and counts how labels meet predictions, image by image.

Decoding and resizing run ahead of the network in threads, and so does copying to a GPU; memory does
not grow with the number of images. It knows no checkpoints and no documented values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.segmentation import Sample, SegmentationDataset
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.system.devices import memory_explained, synchronised_time
from hrnet_zoo.tasks.ahead import StageSeconds, ahead, image_too_large, no_main_memory
from hrnet_zoo.tasks.segmentation.counting import count_pairs
from hrnet_zoo.tasks.segmentation.per_image import SparseCounts
from hrnet_zoo.tasks.segmentation.protocol import (
    Network,
    SegmentationProtocol,
    class_scores,
    resized_images,
)
from hrnet_zoo.tasks.upload import upload_ahead
from hrnet_zoo.zoo.row import Metric


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What the evaluation of one image left."""

    name: str
    """Name of the sample."""
    digest: str
    """SHA-256 of its files."""
    counts: dict[Metric, SparseCounts]
    """Per metric: how labels met predictions."""


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    sample: Sample
    images: list[NDArray[np.uint8]]
    """All sizes for the first metric's protocol, then those for the next."""
    seconds: float

    def arrays(self) -> list[NDArray[np.uint8]]:
        """Return what the device needs: the labels, then the images."""
        return [self.sample.label, *self.images]


def evaluate_images(
    network: Network,
    dataset: SegmentationDataset,
    indices: Iterable[int],
    protocols: Mapping[Metric, SegmentationProtocol],
    *,
    num_workers: int | None,
    device: torch.device,
    seconds: StageSeconds,
) -> Iterator[ImageResult]:
    """Yield the result of each image in turn, under every protocol.

    Args:
        network: in eval mode, on ``device``.
        dataset: where images and labels come from; each is decoded once for all protocols.
        indices: which samples, in the order wanted.
        protocols: the protocol of every metric asked for.
        num_workers: threads that decode and resize; None: as many as it takes. The results do not
            depend on it.
        device: where the network is.
        seconds: the time of every stage is added to it.

    Raises:
        DatasetError: a file cannot be used.
        PrerequisiteError: the device's memory does not suffice.
    """
    begin = time.perf_counter()
    decoded = _prepare_ahead(dataset, indices, protocols, num_workers, seconds)
    for prepared, (label, *images) in upload_ahead(decoded, _Prepared.arrays, device):
        seconds.waiting += time.perf_counter() - begin
        seconds.decode += prepared.seconds
        sizes = iter(images)
        counts = {
            metric: _evaluate(
                network, list(islice(sizes, len(protocol.ratios))), label, protocol, device, seconds
            )
            for metric, protocol in protocols.items()
        }
        seconds.wall += time.perf_counter() - begin
        sample = prepared.sample
        yield ImageResult(name=sample.name, digest=sample.digest, counts=counts)
        begin = time.perf_counter()


def predict(
    network: Network,
    images: Sequence[Pixels],
    protocol: SegmentationProtocol,
    *,
    size: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Return class scores as `class_scores` does, and explain when memory runs out."""
    with memory_explained(lambda: image_too_large(size, device)):
        return class_scores(network, images, protocol, size=size, device=device)


def _evaluate(
    network: Network,
    images: Sequence[Pixels],
    label: Pixels,
    protocol: SegmentationProtocol,
    device: torch.device,
    seconds: StageSeconds,
) -> SparseCounts:
    size = (label.shape[0], label.shape[1])
    started = time.perf_counter()
    scores = predict(network, images, protocol, size=size, device=device)
    forward_done = synchronised_time(device)
    with memory_explained(lambda: image_too_large(size, device)):
        prediction = scores.argmax(dim=0).to(torch.uint8)
        post_done = synchronised_time(device)
        counts = count_pairs(prediction, label, scores.shape[0])
    seconds.forward += forward_done - started
    seconds.post += post_done - forward_done
    seconds.metric += time.perf_counter() - post_done
    return SparseCounts.of(counts)


def _prepare_ahead(
    dataset: SegmentationDataset,
    indices: Iterable[int],
    protocols: Mapping[Metric, SegmentationProtocol],
    num_workers: int | None,
    seconds: StageSeconds,
) -> Iterator[_Prepared]:
    """Yield decoded and resized samples in order while threads work on the next few."""

    def prepare(index: int) -> _Prepared:
        started = time.perf_counter()
        with memory_explained(lambda: no_main_memory(index)):
            sample = dataset.load(index)
            images = [x for p in protocols.values() for x in resized_images(sample.image, p)]
        return _Prepared(sample=sample, images=images, seconds=time.perf_counter() - started)

    return ahead(prepare, indices, num_workers, seconds)
