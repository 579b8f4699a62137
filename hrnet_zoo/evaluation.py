"""Runs a segmentation model over a data set and counts how labels meet predictions.

Decoding and resizing run ahead of the network in threads; memory does not grow with the number of
images. It knows no rows, no checkpoints and no documented values.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.segmentation import Sample, SegmentationDataset
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.inference.segmentation import (
    Network,
    SegmentationProtocol,
    class_scores,
    resized_images,
)
from hrnet_zoo.metrics.confusion import ConfusionMatrix
from hrnet_zoo.progress import Progress

# Decoded samples that may wait per worker thread: enough to hide a slow file, small in memory.
_AHEAD_PER_WORKER = 2


@dataclass(kw_only=True)
class StageSeconds:
    """Seconds per stage, summed over images; stages overlap."""

    decode: float = 0.0
    forward: float = 0.0
    post: float = 0.0
    metric: float = 0.0
    wall: float = 0.0


@dataclass(frozen=True, kw_only=True)
class SegmentationEvaluation:
    """What an evaluation saw."""

    confusion: dict[str, ConfusionMatrix]
    """Per protocol, over all images."""
    digests: dict[str, str]
    """Sample name -> digest of its files."""
    seconds: StageSeconds


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    sample: Sample
    images: dict[str, list[NDArray[np.uint8]]]
    seconds: float


def evaluate_segmentation(
    network: Network,
    dataset: SegmentationDataset,
    protocols: Mapping[str, SegmentationProtocol],
    *,
    num_images: int,
    num_workers: int,
    device: torch.device,
    progress: Progress,
) -> SegmentationEvaluation:
    """Predict the first ``num_images`` images under every protocol and count the outcome.

    Args:
        network: in eval mode, on ``device``.
        dataset: where images and labels come from; each is decoded once for all protocols.
        protocols: name -> protocol.
        num_images: at most ``len(dataset)``.
        num_workers: threads that decode and resize; the result does not depend on it.
        device: where the network is.
        progress: told after every image.

    Raises:
        DatasetError: a file cannot be used.
        PrerequisiteError: the device's memory does not suffice.
    """
    seconds = StageSeconds()
    confusion = {name: ConfusionMatrix(dataset.num_classes) for name in protocols}
    digests: dict[str, str] = {}
    begin = time.perf_counter()
    for prepared in _prepare_ahead(dataset, protocols, num_images, num_workers):
        sample = prepared.sample
        seconds.decode += prepared.seconds
        for name, protocol in protocols.items():
            started = time.perf_counter()
            scores = _scores(network, prepared.images[name], protocol, sample, device)
            forward_done = _synchronised_time(device)
            prediction = scores.argmax(dim=0).to(torch.uint8)
            post_done = _synchronised_time(device)
            _count(confusion[name], prediction, sample.label)
            seconds.forward += forward_done - started
            seconds.post += post_done - forward_done
            seconds.metric += time.perf_counter() - post_done
        digests[sample.name] = sample.digest
        progress.update(len(digests))
    seconds.wall = time.perf_counter() - begin
    return SegmentationEvaluation(confusion=confusion, digests=digests, seconds=seconds)


def _scores(
    network: Network,
    images: list[NDArray[np.uint8]],
    protocol: SegmentationProtocol,
    sample: Sample,
    device: torch.device,
) -> Tensor:
    height, width = sample.label.shape
    try:
        return class_scores(network, images, protocol, size=(height, width), device=device)
    except torch.OutOfMemoryError:
        msg = (
            f"{device} ran out of memory on {sample.name} ({width} x {height} pixels). Free memory "
            "on it or choose another --device; nothing was made smaller to fit."
        )
        raise PrerequisiteError(msg) from None


def _count(confusion: ConfusionMatrix, prediction: Tensor, label: NDArray[np.uint8]) -> None:
    if prediction.device.type == "cpu":
        confusion.add(prediction.numpy(), label)
    else:
        confusion.add(prediction, torch.from_numpy(label).to(prediction.device))


def _synchronised_time(device: torch.device) -> float:
    """Return the clock once the device has done its work; GPUs work asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _prepare_ahead(
    dataset: SegmentationDataset,
    protocols: Mapping[str, SegmentationProtocol],
    num_images: int,
    num_workers: int,
) -> Iterator[_Prepared]:
    """Yield prepared samples in order while threads work on the next few."""

    def prepare(index: int) -> _Prepared:
        started = time.perf_counter()
        sample = dataset.load(index)
        images = {name: resized_images(sample.image, p) for name, p in protocols.items()}
        return _Prepared(sample=sample, images=images, seconds=time.perf_counter() - started)

    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="decode")
    waiting: deque[Future[_Prepared]] = deque()
    try:
        for index in range(num_images):
            waiting.append(pool.submit(prepare, index))
            if len(waiting) > num_workers * _AHEAD_PER_WORKER:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
