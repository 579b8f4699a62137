"""Runs a segmentation model over images and counts how labels meet predictions, image by image.

Decoding and resizing run ahead of the network in threads; memory does not grow with the number of
images. It knows no checkpoints and no documented values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.segmentation import Sample, SegmentationDataset
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.evaluation.ahead import StageSeconds, ahead, synchronised_time
from hrnet_zoo.inference.segmentation import (
    Network,
    SegmentationProtocol,
    class_scores,
    resized_images,
)
from hrnet_zoo.metrics.counting import count_pairs
from hrnet_zoo.metrics.per_image import SparseCounts
from hrnet_zoo.row import Metric


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
    images: dict[Metric, list[NDArray[np.uint8]]]
    seconds: float


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
    for prepared in _prepare_ahead(dataset, indices, protocols, num_workers, seconds):
        seconds.waiting += time.perf_counter() - begin
        seconds.decode += prepared.seconds
        counts = {
            metric: _evaluate(network, prepared, metric, protocol, device, seconds)
            for metric, protocol in protocols.items()
        }
        seconds.wall += time.perf_counter() - begin
        sample = prepared.sample
        yield ImageResult(name=sample.name, digest=sample.digest, counts=counts)
        begin = time.perf_counter()


def predict(
    network: Network,
    images: list[NDArray[np.uint8]],
    protocol: SegmentationProtocol,
    *,
    size: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Return class scores as `class_scores` does, and explain when memory runs out."""
    try:
        return class_scores(network, images, protocol, size=size, device=device)
    except torch.OutOfMemoryError:
        height, width = size
        msg = (
            f"{device} ran out of memory on an image of {width} x {height} pixels. Free memory on "
            "it or choose another --device; nothing was made smaller to fit."
        )
        raise PrerequisiteError(msg) from None


def _evaluate(
    network: Network,
    prepared: _Prepared,
    metric: Metric,
    protocol: SegmentationProtocol,
    device: torch.device,
    seconds: StageSeconds,
) -> SparseCounts:
    label = prepared.sample.label
    size = (label.shape[0], label.shape[1])
    started = time.perf_counter()
    scores = predict(network, prepared.images[metric], protocol, size=size, device=device)
    forward_done = synchronised_time(device)
    prediction = scores.argmax(dim=0).to(torch.uint8)
    post_done = synchronised_time(device)
    counts = _count(prediction, label, scores.shape[0])
    seconds.forward += forward_done - started
    seconds.post += post_done - forward_done
    seconds.metric += time.perf_counter() - post_done
    return SparseCounts.of(counts)


def _count(prediction: Tensor, label: NDArray[np.uint8], num_classes: int) -> NDArray[np.int64]:
    if prediction.device.type == "cpu":
        return count_pairs(prediction.numpy(), label, num_classes)
    return count_pairs(prediction, torch.from_numpy(label).to(prediction.device), num_classes)


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
        sample = dataset.load(index)
        images = {metric: resized_images(sample.image, p) for metric, p in protocols.items()}
        return _Prepared(sample=sample, images=images, seconds=time.perf_counter() - started)

    return ahead(prepare, indices, num_workers, seconds)
