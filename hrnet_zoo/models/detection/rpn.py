"""The region proposal network: which anchors are near any object, and where that object is.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/dense_heads/rpn_head.py, RPNHead, with the test settings of
configs/_base_/models/faster_rcnn_r50_fpn.py; mmdet/core/anchor/anchor_generator.py,
AnchorGenerator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.detection.boxes import Numbers, decode_deltas, filled, grouped_nms

STRIDES = (4, 8, 16, 32, 64)
"""Pixels between neighbouring anchors, level by level."""

NUM_SHAPES = 3
"""Anchors per cell."""

_RATIOS = (0.5, 1.0, 2.0)
_SCALE = 8

MAX_PROPOSALS = 1000
"""Regions that the second stage looks at, at most."""

_STDS = (1.0, 1.0, 1.0, 1.0)
_ANCHORS_PER_LEVEL = 1000
_IOU_THRESHOLD = 0.7


@dataclass(frozen=True, kw_only=True)
class AnchorOutput:
    """What the head says about the anchors of one level."""

    logits: Tensor
    """[N, A, H, W]: whether the anchor shows an object; for a sigmoid."""
    deltas: Tensor
    """[N, 4 x A, H, W], anchor by anchor; see `decode_deltas`."""


class RPNHead(nn.Module):
    """A 3x3 convolution and two 1x1 classifiers, shared by all levels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rpn_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.rpn_cls = nn.Conv2d(channels, NUM_SHAPES, 1)
        self.rpn_reg = nn.Conv2d(channels, NUM_SHAPES * 4, 1)

    def forward(self, maps: list[Tensor]) -> list[AnchorOutput]:
        """Map the neck's maps [N, C, H, W] to as many outputs."""
        return [self._level(x) for x in maps]

    def _level(self, x: Tensor) -> AnchorOutput:
        x = F.relu(self.rpn_conv(x), inplace=True)
        return AnchorOutput(logits=self.rpn_cls(x), deltas=self.rpn_reg(x))


class Candidates(NamedTuple):
    """The anchors of one image that may become regions."""

    anchors: Tensor
    """[A, 4] xyxy."""
    deltas: Tensor
    """[A, 4], see `decode_deltas`."""
    scores: Tensor
    """[A]: how likely it shows an object."""
    levels: Tensor
    """[A] int64."""


def candidates(levels: list[AnchorOutput]) -> Candidates:
    """Return the best anchors of every level, from the head's output for one image."""
    parts = [_best_anchors(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
    anchors, deltas, scores = (torch.cat(part) for part in zip(*parts, strict=True))
    level_of = torch.cat(
        [torch.full_like(part[2], i, dtype=torch.int64) for i, part in enumerate(parts)]
    )
    return Candidates(anchors, deltas, scores, level_of)


def proposals(found: Candidates, size: tuple[int, int], numbers: Numbers) -> tuple[Tensor, Tensor]:
    """Turn candidates into the regions worth a closer look.

    Boxes without area, which clipping makes of anchors in the padding, stay.

    Args:
        found: in one image.
        size: (height, width) of the resized image without its padding.
        numbers: sees the boxes and scores.

    Returns:
        At most 1000 boxes [P, 4] xyxy and their scores [P], highest first.
    """
    boxes = numbers.watched(decode_deltas(found.anchors, found.deltas, _STDS, size))
    scores = numbers.watched(found.scores)
    kept = grouped_nms(boxes, scores, found.levels, _IOU_THRESHOLD)[:MAX_PROPOSALS]
    return boxes[kept], scores[kept]


def _best_anchors(level: AnchorOutput, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return anchors [A, 4], deltas [A, 4] and scores [A] of a level's best anchors."""
    scores = level.logits[0].permute(1, 2, 0).flatten().sigmoid()
    deltas = level.deltas[0].permute(1, 2, 0).reshape(-1, 4)
    size = (level.logits.shape[-2], level.logits.shape[-1])
    anchors = grid_anchors(size, stride, scores.device)
    if len(scores) > _ANCHORS_PER_LEVEL:
        scores, best = scores.topk(_ANCHORS_PER_LEVEL)
        anchors, deltas = anchors[best], deltas[best]
    return anchors, deltas, scores


def base_anchors(stride: int, device: torch.device) -> Tensor:
    """Return the anchors [3, 4] of the cell at the image's corner: wide, square, tall.

    They are centred on the upper left corner of their cell, not on its middle, and not rounded.
    """
    root = filled(_RATIOS, device).sqrt()
    extents = stride * torch.stack([1 / root, root], dim=1) * _SCALE
    return torch.cat([-0.5 * extents, 0.5 * extents], dim=1)


def grid_anchors(size: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """Return all anchors [H x W x 3, 4] of a map of (height, width), row by row, xyxy float32."""
    y, x = (torch.arange(n, device=device) * stride for n in size)
    corners = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    shifts = torch.cat([corners, corners], dim=-1)[:, :, None]
    return (base_anchors(stride, device) + shifts).reshape(-1, 4)
