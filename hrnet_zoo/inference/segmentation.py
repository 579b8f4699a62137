"""The test protocols of semantic segmentation: whole, slide, multi-scale and flip.

It knows models only as functions from images to logits, and nothing of data sets or rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.layers import resize
from hrnet_zoo.row import MS_FLIP_RATIOS, Normalisation

Network = Callable[[Tensor], Tensor]
"""Maps [1, 3, h, w] to logits [1, K, h, w]."""


@dataclass(frozen=True, kw_only=True)
class SegmentationProtocol:
    """Everything that decides what the network sees of an image, and how its outputs combine."""

    scale: tuple[int, int]
    """Box (width, height) of the keep-ratio resize."""
    window: tuple[int, int] | None
    """(height, width) of sliding windows; None: the whole image at once."""
    stride: tuple[int, int] | None
    """(vertical, horizontal) step between windows; None without windows."""
    ratios: tuple[float, ...] = (1.0,)
    """The box is multiplied by each of these in turn."""
    flip: bool = False
    """Whether each size is also seen mirrored."""
    normalisation: Normalisation
    """How pixel values become network input."""

    @property
    def averages_probabilities(self) -> bool:
        """Say whether several passes are averaged, which is done over probabilities."""
        return len(self.ratios) > 1 or self.flip

    def ms_flip(self) -> SegmentationProtocol:
        """Return the protocol of the mIoU(ms+flip) columns: six sizes, each also mirrored."""
        return replace(self, ratios=MS_FLIP_RATIOS, flip=True)


def resized_images(
    image: NDArray[np.uint8], protocol: SegmentationProtocol
) -> list[NDArray[np.uint8]]:
    """Return the image in every size the protocol asks for, each made from the original.

    Args:
        image: RGB [H, W, 3] uint8.
        protocol: its box times each ratio, truncated to whole pixels, is a size.
    """
    width, height = protocol.scale
    boxes = [(int(width * ratio), int(height * ratio)) for ratio in protocol.ratios]
    return [resize_keep_ratio(image, box) for box in boxes]


@torch.inference_mode()
def class_scores(
    network: Network,
    images: list[NDArray[np.uint8]],
    protocol: SegmentationProtocol,
    *,
    size: tuple[int, int],
    device: torch.device,
) -> Tensor:
    """Return one score per class and pixel; the largest is the prediction.

    A single pass gives logits. Several passes give the mean of their softmax probabilities:
    averaging logits instead would change a quarter of the pixels.

    Args:
        network: in eval mode, on ``device``.
        images: what `resized_images` returned.
        protocol: the same one.
        size: (height, width) of the original image.
        device: where the network is.

    Returns:
        [K, height, width] float32 on ``device``.

    Source:
        mmsegmentation 0.20.2, mmseg/models/segmentors/encoder_decoder.py, simple_test and aug_test.
    """
    total: Tensor | None = None
    for image in images:
        x = to_network_input(image, protocol.normalisation, device)
        for flipped in (False, True) if protocol.flip else (False,):
            logits = _logits(network, x.flip(3) if flipped else x, protocol)
            logits = resize(logits, size)
            if not protocol.averages_probabilities:
                return logits[0]
            probabilities = logits.softmax(dim=1)
            probabilities = probabilities.flip(3) if flipped else probabilities
            total = probabilities if total is None else total.add_(probabilities)
    assert total is not None
    return total[0] / (len(images) * (2 if protocol.flip else 1))


def _logits(network: Network, x: Tensor, protocol: SegmentationProtocol) -> Tensor:
    if protocol.window is None or protocol.stride is None:
        return network(x)
    return slide(network, x, window=protocol.window, stride=protocol.stride)


def slide(
    network: Network, x: Tensor, *, window: tuple[int, int], stride: tuple[int, int]
) -> Tensor:
    """Average class logits over overlapping windows.

    The last window in each direction is moved back to end at the border. An image smaller than
    the window in a direction is taken whole in that direction.

    Args:
        network: maps [1, 3, h, w] to logits [1, K, h, w].
        x: [1, 3, H, W] float32.
        window: (height, width).
        stride: (vertical, horizontal).

    Returns:
        Logits [1, K, H, W].

    Source:
        mmsegmentation 0.20.2, mmseg/models/segmentors/encoder_decoder.py, slide_inference.
    """
    height, width = x.shape[-2:]
    total: Tensor | None = None
    covered = x.new_zeros((1, 1, height, width))
    for top, bottom in window_bounds(height, window[0], stride[0]):
        for left, right in window_bounds(width, window[1], stride[1]):
            logits = network(x[..., top:bottom, left:right])
            if total is None:
                total = logits.new_zeros((1, logits.shape[1], height, width))
            total[..., top:bottom, left:right] += logits
            covered[..., top:bottom, left:right] += 1
    assert total is not None
    return total / covered


def window_bounds(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Return (start, end) of the windows along one axis of ``length`` pixels."""
    steps = max(length - window + stride - 1, 0) // stride + 1
    ends = [min(i * stride + window, length) for i in range(steps)]
    return [(max(end - window, 0), end) for end in ends]
