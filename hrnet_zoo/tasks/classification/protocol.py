"""The test protocol of image classification: one square from the middle of the resized image.

It knows models only as functions from images to logits, and nothing of data sets or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import Pixels, to_network_input
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.scored import ProtocolUsed

Network = Callable[[Tensor], Tensor]
"""Maps [N, 3, h, w] to logits [N, K]."""


def short_side_size(size: tuple[int, int], short: int) -> tuple[int, int]:
    """Return the (width, height) of an image whose shorter side is resized to ``short`` pixels.

    Other resizes round the longer side; this one truncates it.

    Args:
        size: (width, height) of the image.
        short: pixels.

    Source:
        mmclassification 0.25.0, mmcls/datasets/pipelines/transforms.py, Resize with size (256, -1).
    """
    width, height = size
    if width < height:
        return short, int(short * height / width)
    return int(short * width / height), short


def resize_short_side(image: NDArray[np.uint8], short: int) -> NDArray[np.uint8]:
    """Resize [H, W, 3] uint8 so that its shorter side has ``short`` pixels.

    Pillow's bilinear on uint8, which widens its filter when it reduces, is part of the documented
    numbers: OpenCV's moves logits by half of their standard deviation.
    """
    height, width = image.shape[:2]
    size = short_side_size((width, height), short)
    if size == (width, height):
        return image
    resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized)


@dataclass(frozen=True, kw_only=True)
class ClassificationProtocol:
    """Everything that decides what the network sees of an image."""

    resize_short: int
    """Pixels of the shorter side after the resize."""
    crop: int
    """Pixels of the sides of the square in the middle, at most `resize_short`."""
    normalisation: Normalisation
    """How pixel values become network input."""
    resize: Callable[[NDArray[np.uint8], int], NDArray[np.uint8]] = resize_short_side
    """Gives the shorter side of an image [H, W, 3] uint8 so many pixels."""

    @classmethod
    def of(cls, setup: ClassificationSetup) -> ClassificationProtocol:
        """Return a row's documented protocol."""
        return cls(
            resize_short=setup.test.resize_short,
            crop=setup.test.crop,
            normalisation=setup.normalisation,
        )

    def used(self) -> ProtocolUsed:
        """Return the protocol in the words of the record, its test as a manifest writes it."""
        test = {"resize_short": self.resize_short, "crop": self.crop}
        return ProtocolUsed(
            name=SINGLE, test=test, normalisation=self.normalisation, ratios=[1.0], flip=False
        )


def centre_corner(size: tuple[int, int], crop: int) -> tuple[int, int]:
    """Return (top, left) of a square in the middle of an image of (height, width) ``size``.

    A half is rounded to the even number, as Python does: 58.5 to 58, 59.5 to 60.

    Source:
        mmclassification 0.25.0, mmcls/datasets/pipelines/transforms.py, CenterCrop.
    """
    height, width = size
    return round((height - crop) / 2), round((width - crop) / 2)


def cropped_image(image: NDArray[np.uint8], protocol: ClassificationProtocol) -> NDArray[np.uint8]:
    """Return the part of an image that the network sees, RGB [crop, crop, 3] uint8.

    Args:
        image: RGB [H, W, 3] uint8.
        protocol: tells the sizes.
    """
    resized = protocol.resize(image, protocol.resize_short)
    top, left = centre_corner((resized.shape[0], resized.shape[1]), protocol.crop)
    part = resized[top : top + protocol.crop, left : left + protocol.crop]
    return np.ascontiguousarray(part)


def class_scores(
    network: Network,
    crops: Sequence[Pixels],
    protocol: ClassificationProtocol,
    *,
    device: torch.device,
) -> Tensor:
    """Return the probabilities [N, K] float32 of the classes; see `class_logits`."""
    return class_logits(network, crops, protocol, device=device).softmax(dim=1)


@torch.inference_mode()
def class_logits(
    network: Network,
    crops: Sequence[Pixels],
    protocol: ClassificationProtocol,
    *,
    device: torch.device,
) -> Tensor:
    """Return the logits [N, K] float32 of the classes, on ``device``.

    Args:
        network: in eval mode, on ``device``.
        crops: what `cropped_image` returned, or the same as tensors on ``device``; at least one.
        protocol: the same one.
        device: where the network is.
    """
    inputs = [to_network_input(crop, protocol.normalisation, device) for crop in crops]
    return network(torch.cat(inputs)).float()
