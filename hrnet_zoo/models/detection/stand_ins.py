"""Regions where the network's own cannot be known, because tensors have no values.

All are at random places; every level of the pyramid has as many as the others, so that all of its
maps are looked at, and get gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import roi_align

from hrnet_zoo.models.detection.roi_features import STRIDES, RoIFeatures

_SIDE = 84
"""Side of a region that belongs to the finest level, in pixels; it doubles with every level."""


class StandInFeatures(RoIFeatures):
    """Features of rois [R, 5] (image, x1, y1, x2, y2); the i-th belongs to level i modulo 4."""

    def members_of_levels(self, boxes: Tensor) -> list[Tensor]:
        """Return for every level the indices of the rois whose turn it is."""
        return [
            torch.arange(level, len(boxes), len(STRIDES), device=boxes.device)
            for level in range(len(STRIDES))
        ]

    def align(self, x: Tensor, boxes: Tensor, size: int, stride: int) -> Tensor:
        """Return the features [R, C, S, S] of rois from one map [N, C, H, W], in one thread.

        What an allocation tracker counts is what happens in its own.
        """
        features: Tensor = roi_align(x, boxes, size, 1 / stride, 0, aligned=True)
        return features


def stand_in_rois(
    count: int, size: tuple[int, int], device: torch.device, *, image: int = 0
) -> Tensor:
    """Return rois [count, 5] at random places; the i-th belongs to level i modulo 4.

    Args:
        count: a multiple of 4.
        size: (height, width) of the network's input.
        device: where they are made.
        image: index of the image within its batch.
    """
    per_level = count // len(STRIDES)
    levels = [random_boxes(per_level, _SIDE * 2.0**i, size, device) for i in range(len(STRIDES))]
    boxes = torch.stack(levels, dim=1).flatten(0, 1)
    return torch.cat([boxes.new_full((len(boxes), 1), image), boxes], dim=1)


def random_boxes(count: int, side: float, size: tuple[int, int], device: torch.device) -> Tensor:
    """Return squares [count, 4] xyxy at random places in an image of (height, width)."""
    height, width = size
    room = torch.tensor([width - side, height - side], device=device).clamp(min=0)
    corners = torch.rand(count, 2, device=device) * room
    return torch.cat([corners, corners + side], dim=1)
