"""The test protocol of detection: one scale, padded, one image at a time.

It knows detectors only as functions from images to detections, and nothing of data sets or rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import Pixels, Resize, resize_keep_ratio, to_network_input
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.tasks.detection.masks import encode_masks
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.input_image import checked
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.scored import ProtocolUsed


@dataclass(frozen=True, kw_only=True)
class DetectionProtocol:
    """Everything that decides what the network sees of an image, and what it reports."""

    scale: tuple[int, int]
    """Box (width, height) of the keep-ratio resize."""
    size_divisor: int
    """The resized image is padded right and below to a multiple of this."""
    score_threshold: float
    """Detections at or below it are dropped."""
    normalisation: Normalisation
    """How pixel values become network input."""
    with_masks: bool
    """Whether masks are wanted, of detectors that have them."""
    resize: Resize = resize_keep_ratio
    """Brings an image [H, W, 3] uint8 into a box (width, height)."""

    @classmethod
    def of(
        cls, setup: DetectionSetup, *, with_masks: bool, scale: tuple[int, int] | None = None
    ) -> DetectionProtocol:
        """Return a row's documented protocol, or the same with another box."""
        return cls(
            scale=checked(scale or setup.test.scale),
            size_divisor=setup.test.size_divisor,
            score_threshold=setup.test.score_threshold,
            normalisation=setup.normalisation,
            with_masks=with_masks,
        )

    def used(self) -> ProtocolUsed:
        """Return the protocol in the words of the record, its test as a manifest writes it."""
        test = {
            "scale": list(self.scale),
            "size_divisor": self.size_divisor,
            "score_threshold": self.score_threshold,
        }
        return ProtocolUsed(
            name=SINGLE, test=test, normalisation=self.normalisation, ratios=[1.0], flip=False
        )


def padded_input(resized: Pixels, protocol: DetectionProtocol, device: torch.device) -> Tensor:
    """Return a resized image as network input [1, 3, H, W] float32, H and W padded.

    The padding is 0 after normalisation, that is, of the mean colour.

    Args:
        resized: RGB [h, w, 3] uint8, already of the protocol's scale.
        protocol: the normalisation and the divisor of H and W.
        device: where the network is.
    """
    x = to_network_input(resized, protocol.normalisation, device)
    height, width = x.shape[-2:]
    divisor = protocol.size_divisor
    right = math.ceil(width / divisor) * divisor - width
    below = math.ceil(height / divisor) * divisor - height
    return F.pad(x, (0, right, 0, below)) if right or below else x


@torch.inference_mode()
def detect(
    network: Detector,
    resized: Pixels,
    protocol: DetectionProtocol,
    *,
    size: tuple[int, int],
    device: torch.device,
) -> Detections:
    """Return the detections in one image, on ``device``, in pixels of the original image.

    Args:
        network: in eval mode, on ``device``.
        resized: RGB [h, w, 3] uint8, what `resize_keep_ratio` made of the original.
        protocol: how the network sees it.
        size: (height, width) of the original image.
        device: where the network is.

    Raises:
        CheckpointError: the network's outputs are not numbers.
    """
    found: Detections = network(
        padded_input(resized, protocol, device),
        geometry_of((resized.shape[0], resized.shape[1]), size),
        score_threshold=protocol.score_threshold,
        with_masks=protocol.with_masks,
    )
    return found


def geometry_of(resized: tuple[int, int], size: tuple[int, int]) -> ImageGeometry:
    """Return how an image was resized, from both (height, width).

    Source:
        mmdetection 2.3.0, mmdet/datasets/pipelines/transforms.py, Resize, Normalize and Pad: each
        axis has its own scale factor, in float32.
    """
    (height, width), (original_height, original_width) = resized, size
    x, y = np.float32(width / original_width), np.float32(height / original_height)
    return ImageGeometry(size=resized, scale_factors=(float(x), float(y)))


def to_image_detections(found: Detections, size: tuple[int, int]) -> ImageDetections:
    """Return detections as plain arrays, their masks pasted into the image and run-length coded.

    Args:
        found: what `detect` returned.
        size: (height, width) of the original image.
    """
    return ImageDetections(
        boxes=found.boxes.cpu().numpy(),
        scores=found.scores.cpu().numpy(),
        labels=found.labels.cpu().numpy(),
        masks=None if found.masks is None else encode_masks(found.masks, found.boxes, size),
    )
