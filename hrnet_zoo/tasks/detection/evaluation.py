"""Runs a detector over images, one after the other.

Decoding and resizing run ahead of the network in threads, and so does copying to a GPU. It knows no
checkpoints, no annotations and no documented values.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.coco import CocoDataset, DetectionSample
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.transforms import Pixels, resize_keep_ratio
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.system.devices import memory_explained, synchronised_time
from hrnet_zoo.tasks.ahead import StageSeconds, ahead, image_too_large, no_main_memory
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol, detect, to_image_detections
from hrnet_zoo.tasks.upload import upload_ahead


@dataclass(frozen=True, kw_only=True)
class EvaluatedImage:
    """What the evaluation of one image left."""

    name: str
    """Name of the sample."""
    image_id: int
    """COCO's id of the image."""
    digest: str
    """SHA-256 of its file and annotations."""
    detections: ImageDetections


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    sample: DetectionSample
    resized: NDArray[np.uint8]
    seconds: float


def detect_in_images(
    network: Detector,
    dataset: CocoDataset,
    indices: Iterable[int],
    protocol: DetectionProtocol,
    *,
    num_workers: int | None,
    device: torch.device,
    seconds: StageSeconds,
) -> Iterator[EvaluatedImage]:
    """Yield the detections in each image in turn.

    Args:
        network: in eval mode, on ``device``.
        dataset: where images come from.
        indices: which samples, in the order wanted.
        protocol: how the network sees them.
        num_workers: threads that decode and resize; None: as many as it takes. The results do not
            depend on it.
        device: where the network is.
        seconds: the time of every stage is added to it.

    Raises:
        CheckpointError: the network's outputs are not numbers.
        DatasetError: a file cannot be used.
        PrerequisiteError: the device's memory does not suffice.
    """
    begin = time.perf_counter()
    decoded = _prepare_ahead(dataset, indices, protocol, num_workers, seconds)
    for prepared, (resized,) in upload_ahead(decoded, lambda p: [p.resized], device):
        seconds.waiting += time.perf_counter() - begin
        seconds.decode += prepared.seconds
        sample = prepared.sample
        detections = _detect(network, sample, resized, protocol, device, seconds)
        seconds.wall += time.perf_counter() - begin
        yield EvaluatedImage(
            name=sample.name,
            image_id=sample.image_id,
            digest=sample.digest,
            detections=detections,
        )
        begin = time.perf_counter()


def _detect(
    network: Detector,
    sample: DetectionSample,
    resized: Pixels,
    protocol: DetectionProtocol,
    device: torch.device,
    seconds: StageSeconds,
) -> ImageDetections:
    size = (sample.image.shape[0], sample.image.shape[1])
    started = time.perf_counter()
    try:
        with memory_explained(lambda: image_too_large(size, device)):
            found = detect(network, resized, protocol, size=size, device=device)
            forward_done = synchronised_time(device)
            detections = to_image_detections(found, size)
    except CheckpointError as error:
        msg = f"image {sample.name}: {error}"
        raise CheckpointError(msg) from None
    seconds.forward += forward_done - started
    seconds.post += time.perf_counter() - forward_done
    return detections


def _prepare_ahead(
    dataset: CocoDataset,
    indices: Iterable[int],
    protocol: DetectionProtocol,
    num_workers: int | None,
    seconds: StageSeconds,
) -> Iterator[_Prepared]:
    """Yield decoded and resized samples in order while threads work on the next few."""

    def prepare(index: int) -> _Prepared:
        started = time.perf_counter()
        with memory_explained(lambda: no_main_memory(index)):
            sample = dataset.load(index)
            resized = resize_keep_ratio(sample.image, protocol.scale)
        return _Prepared(sample=sample, resized=resized, seconds=time.perf_counter() - started)

    return ahead(prepare, indices, num_workers, seconds)
