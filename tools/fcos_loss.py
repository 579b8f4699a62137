"""What FCOS learns from: which object a point stands for, and how far off its answers are.

Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", arXiv:1904.01355.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from hrnet_zoo.models.detection.fcos import STRIDES, LevelOutput

RANGES = ((-1, 64), (64, 128), (128, 256), (256, 512), (512, math.inf))
"""Per level, above which and up to which farthest edge, in pixels, its points take an object."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The annotated objects of one image."""

    boxes: Tensor
    """[N, 4] float32, xyxy in pixels of the network's input."""
    labels: Tensor
    """[N] int64, 0 to K - 1."""


@dataclass(frozen=True, kw_only=True)
class Points:
    """All points of all levels, level by level, row by row."""

    centres: Tensor
    """[P, 2] float32, x and y in pixels of the network's input."""
    ranges: Tensor
    """[P, 2] float32, the entry of `RANGES` of each point's level."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What the points of one image should say."""

    labels: Tensor
    """[P] int64: 0 to K - 1, or -1 for background."""
    boxes: Tensor
    """[P, 4] float32, xyxy; meaningless for background."""
    centerness: Tensor
    """[P] float32, 0 to 1; meaningless for background."""


def all_points(sizes: list[tuple[int, int]]) -> Points:
    """Return the points of maps of (height, width), finest level first."""
    centres, ranges = [], []
    for (height, width), stride, limits in zip(sizes, STRIDES, RANGES, strict=True):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres.append(torch.stack([x, y], dim=-1).reshape(-1, 2) * stride + stride // 2)
        ranges.append(torch.tensor([limits]).expand(height * width, 2))
    return Points(centres=torch.cat(centres).float(), ranges=torch.cat(ranges).float())


def targets_of(points: Points, objects: Objects) -> Targets:
    """Give every point the smallest object that it lies in and that its level is there for."""
    if len(objects.labels) == 0:
        nothing = torch.zeros(len(points.centres), 4)
        labels = torch.full((len(nothing),), -1)
        return Targets(labels=labels, boxes=nothing, centerness=nothing[:, 0])
    to_edges = distances(points.centres[:, None], objects.boxes[None])  # [P, N, 4]
    farthest = to_edges.amax(dim=-1)
    low, high = points.ranges[:, :1], points.ranges[:, 1:]
    taken = (to_edges.amin(dim=-1) > 0) & (farthest > low) & (farthest <= high)
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    areas = torch.where(taken, sides.prod(dim=-1), math.inf)
    area, chosen = areas.min(dim=1)
    labels = torch.where(area.isinf(), -1, objects.labels[chosen])
    boxes = objects.boxes[chosen]
    return Targets(labels=labels, boxes=boxes, centerness=_centerness(points.centres, boxes))


def distances(centres: Tensor, boxes: Tensor) -> Tensor:
    """Return how far the left, top, right and bottom edges are from points, [..., 4]."""
    return torch.cat([centres - boxes[..., :2], boxes[..., 2:] - centres], dim=-1)


def _centerness(centres: Tensor, boxes: Tensor) -> Tensor:
    left, top, right, bottom = distances(centres, boxes).clamp(min=1e-6).unbind(dim=-1)
    across = torch.minimum(left, right) / torch.maximum(left, right)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return (across * down).sqrt()


def fcos_loss(levels: list[LevelOutput], batch: list[Objects]) -> Tensor:
    """Return focal loss + generalised IoU loss + centerness loss of a batch; one value.

    Boxes count by the centerness their points should have.
    """
    points = all_points([(level.logits.shape[-2], level.logits.shape[-1]) for level in levels])
    targets = [targets_of(points, objects) for objects in batch]
    labels = torch.cat([target.labels for target in targets])
    logits = _flat([level.logits for level in levels])
    positive = labels >= 0
    num_positive = max(int(positive.sum()), 1)
    # One column per class and one for background, which no logit stands for.
    wanted = F.one_hot(labels + 1, logits.shape[1] + 1)[:, 1:].to(logits.dtype)
    classes = sigmoid_focal_loss(logits, wanted, reduction="sum") / num_positive

    weights = torch.cat([target.centerness for target in targets])[positive]
    said = _flat([level.centerness for level in levels])[positive, 0]
    middle = F.binary_cross_entropy_with_logits(said, weights, reduction="sum") / num_positive

    centres = points.centres.repeat(len(batch), 1)[positive]
    offsets = _flat([level.distances for level in levels])[positive]
    found = torch.cat([centres - offsets[:, :2], centres + offsets[:, 2:]], dim=1)
    meant = torch.cat([target.boxes for target in targets])[positive]
    misses = generalized_box_iou_loss(found, meant) * weights
    total: Tensor = classes + middle + misses.sum() / weights.sum().clamp(min=1e-6)
    return total


def _flat(maps: list[Tensor]) -> Tensor:
    """Map [B, C, H, W] of all levels to [B x P, C] float32, points in the order of `Points`."""
    return torch.cat([m.flatten(2).transpose(1, 2) for m in maps], dim=1).flatten(0, 1).float()
