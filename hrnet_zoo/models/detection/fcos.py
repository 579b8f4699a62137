"""FCOS on HRNet: every point of five maps says what it shows and how far its edges are.

Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", arXiv:1904.01355.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/dense_heads/fcos_head.py, FCOSHead, as set by
configs/hrnet/fcos_hrnetv2p_w32_gn-head_4x4_1x_coco.py: GroupNorm, distances in pixels, centerness
from the classification tower.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hrnet_zoo.models.detection.boxes import (
    Numbers,
    decode_distances,
    multiclass_nms,
    scale_tensor,
)
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.necks import HRFPN, NUM_LEVELS
from hrnet_zoo.models.hrnet import build_hrnet, nearest
from hrnet_zoo.models.layers import conv

STRIDES = (8, 16, 32, 64, 128)
"""Pixels between neighbouring points, level by level."""

_TOWER_DEPTH = 4
_NUM_GROUPS = 32
_NORM_EPS = 1e-5
_POINTS_PER_LEVEL = 1000


@dataclass(frozen=True, kw_only=True)
class LevelOutput:
    """What the head says about the points of one level."""

    logits: Tensor
    """[N, K, H, W]: for each class, whether the point shows it; for a sigmoid."""
    distances: Tensor
    """[N, 4, H, W]: to the left, top, right and bottom edge, in pixels; positive."""
    centerness: Tensor
    """[N, 1, H, W]: whether the point is in the middle of its object; for a sigmoid."""


class Scale(nn.Module):
    """One learnt factor."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Multiply."""
        return x * self.scale


class FCOSHead(nn.Module):
    """Two towers of convolutions, shared by all levels; only a factor differs between levels."""

    def __init__(self, num_classes: int, channels: int) -> None:
        super().__init__()
        self.cls_convs = _tower(channels)
        self.reg_convs = _tower(channels)
        self.conv_cls = nn.Conv2d(channels, num_classes, 3, padding=1)
        self.conv_reg = nn.Conv2d(channels, 4, 3, padding=1)
        self.conv_centerness = nn.Conv2d(channels, 1, 3, padding=1)
        self.scales = nn.ModuleList(Scale() for _ in range(NUM_LEVELS))

    def forward(self, maps: list[Tensor]) -> list[LevelOutput]:
        """Map the neck's maps [N, C, H, W] to as many outputs."""
        return [self._level(x, scale) for x, scale in zip(maps, self.scales, strict=True)]

    def _level(self, x: Tensor, scale: nn.Module) -> LevelOutput:
        classification, regression = self.cls_convs(x), self.reg_convs(x)
        return LevelOutput(
            logits=self.conv_cls(classification),
            distances=scale(self.conv_reg(regression)).exp(),
            centerness=self.conv_centerness(classification),
        )


class FCOS(Detector):
    """HRNet, a neck of five levels and the FCOS head."""

    def __init__(self, backbone: str, num_classes: int, channels: int) -> None:
        """Build an FCOS with random weights on the HRNet called ``backbone`` ("w18" ...)."""
        super().__init__()
        self.backbone = build_hrnet(backbone, nearest)
        self.neck = HRFPN(self.backbone.out_channels, channels, stride=2)
        self.bbox_head = FCOSHead(num_classes, channels)

    def dense(self, image: Tensor) -> Candidates:
        """Return the points that may become detections; see `Detector`."""
        return candidates(self.outputs(image))

    def detections(
        self,
        dense: Candidates,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool,  # noqa: ARG002 - there are none
    ) -> Detections:
        """Turn points into detections; see `Detector`.

        The threshold is on the class alone; ranking and suppression are by class x centerness.
        """
        numbers = Numbers()
        boxes = numbers.watched(decode_distances(dense.points, dense.distances, geometry.size))
        boxes = boxes / scale_tensor(geometry.scale_factors, boxes)
        found = multiclass_nms(
            boxes[:, None],
            dense.scores,
            numbers,
            score_threshold=score_threshold,
            factors=dense.centerness,
        )
        numbers.require()
        return found

    def run_all_parts(self, image: Tensor) -> list[LevelOutput]:
        """Compute what does not depend on values; see `Detector`."""
        return self.outputs(image)

    def outputs(self, image: Tensor) -> list[LevelOutput]:
        """Map [N, 3, H, W] to the head's output for five levels; differentiable."""
        levels: list[LevelOutput] = self.bbox_head(self.neck(self.backbone(image)))
        return levels


def points(size: tuple[int, int], stride: int, device: torch.device) -> Tensor:
    """Return where in the image the points of a map of (height, width) lie, [H x W, 2] (x, y)."""
    y, x = (torch.arange(n, device=device) * stride + stride // 2 for n in size)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2).to(torch.float32)


class Candidates(NamedTuple):
    """The points of one image that may become detections."""

    points: Tensor
    """[P, 2] (x, y)."""
    distances: Tensor
    """[P, 4], see `decode_distances`."""
    scores: Tensor
    """[P, K]: how likely the point shows each class."""
    centerness: Tensor
    """[P]."""


def candidates(levels: list[LevelOutput]) -> Candidates:
    """Return the best points of every level, from the head's output for one image."""
    parts = [_best_points(level, stride) for level, stride in zip(levels, STRIDES, strict=True)]
    return Candidates(*(torch.cat(part) for part in zip(*parts, strict=True)))


def _best_points(level: LevelOutput, stride: int) -> Candidates:
    """Return a level's best points."""
    scores = level.logits[0].flatten(1).T.sigmoid()
    centerness = level.centerness[0].flatten().sigmoid()
    distances = level.distances[0].flatten(1).T
    where = points((level.logits.shape[-2], level.logits.shape[-1]), stride, scores.device)
    if len(scores) > _POINTS_PER_LEVEL:
        best = (scores * centerness[:, None]).amax(dim=1).topk(_POINTS_PER_LEVEL).indices
        scores, centerness = scores[best], centerness[best]
        distances, where = distances[best], where[best]
    return Candidates(where, distances, scores, centerness)


def _tower(channels: int) -> nn.Sequential:
    return nn.Sequential(*(_block(channels) for _ in range(_TOWER_DEPTH)))


def _block(channels: int) -> nn.Sequential:
    layers = {
        "conv": conv(channels, channels, 3),
        "gn": nn.GroupNorm(_NUM_GROUPS, channels, eps=_NORM_EPS),
        "relu": nn.ReLU(inplace=True),
    }
    return nn.Sequential(OrderedDict(layers))
