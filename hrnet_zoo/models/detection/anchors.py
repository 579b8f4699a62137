"""The boxes that the region proposal network starts from.

Anchors are centred on the upper left corner of their cell, not on its middle, and are not rounded.

Source: mmdetection 2.3.0, mmdet/core/anchor/anchor_generator.py, AnchorGenerator.
"""

from __future__ import annotations

import torch
from torch import Tensor

STRIDES = (4, 8, 16, 32, 64)
"""Pixels between neighbouring anchors, level by level."""

NUM_SHAPES = 3
"""Anchors per cell."""

_RATIOS = (0.5, 1.0, 2.0)
_SCALE = 8


def base_anchors(stride: int, device: torch.device) -> Tensor:
    """Return the anchors [3, 4] of the cell at the image's corner: wide, square, tall."""
    root = torch.tensor(_RATIOS, device=device).sqrt()
    extents = stride * torch.stack([1 / root, root], dim=1) * _SCALE
    return torch.cat([-0.5 * extents, 0.5 * extents], dim=1)


def grid_anchors(size: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """Return all anchors [H x W x 3, 4] of a map of (height, width), row by row, xyxy float32."""
    y, x = (torch.arange(n, device=device) * stride for n in size)
    corners = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    shifts = torch.cat([corners, corners], dim=-1)[:, :, None]
    return (base_anchors(stride, device) + shifts).reshape(-1, 4)
