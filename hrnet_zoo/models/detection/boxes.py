"""Boxes and how networks encode them: as offsets from other boxes, or as distances from points.

Boxes are xyxy in pixels of the network's input; width = x2 - x1, without the "+ 1" of older
detectors. Everything keeps gradients.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_MAX_LOG_RATIO = abs(math.log(16 / 1000))

Stds = tuple[float, float, float, float]
"""What deltas (dx, dy, dw, dh) were divided by in training."""


def decode_deltas(rois: Tensor, deltas: Tensor, stds: Stds, size: tuple[int, int]) -> Tensor:
    """Move and scale boxes by what a network predicts for them, and clip them.

    Args:
        rois: [..., 4] xyxy.
        deltas: [..., 4], broadcastable with ``rois``: shifts in units of width and height, then
            logarithms of the factors for width and height, which are limited to 62.5 both ways.
        stds: multiplied with the deltas.
        size: (height, width) to clip to.

    Source:
        mmdetection 2.3.0, mmdet/core/bbox/coder/delta_xywh_bbox_coder.py, delta2bbox.
    """
    deltas = deltas * deltas.new_tensor(stds)
    centres = (rois[..., :2] + rois[..., 2:]) * 0.5
    extents = rois[..., 2:] - rois[..., :2]
    centres = centres + extents * deltas[..., :2]
    halves = extents * deltas[..., 2:].clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp() * 0.5
    return clip(torch.cat([centres - halves, centres + halves], dim=-1), size)


def decode_distances(points: Tensor, distances: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the boxes [N, 4] that reach a distance from points in each direction, clipped.

    Args:
        points: [N, 2] (x, y).
        distances: [N, 4] to the left, top, right and bottom, in pixels.
        size: (height, width) to clip to.

    Source:
        mmdetection 2.3.0, mmdet/core/bbox/transforms.py, distance2bbox.
    """
    corners = [points - distances[:, :2], points + distances[:, 2:]]
    return clip(torch.cat(corners, dim=1), size)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Move corners [..., 4] into an image of (height, width); its far edge counts as inside."""
    height, width = size
    return boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))


def scale_tensor(scale_factors: tuple[float, float], like: Tensor) -> Tensor:
    """Return (x, y, x, y) as upstream keeps it, in float32 on the device of ``like``."""
    return like.new_tensor([*scale_factors, *scale_factors])
