"""Cuts the features of a box out of the pyramid level that suits its size.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/roi_extractors/single_level_roi_extractor.py,
SingleRoIExtractor; mmcv 1.0.5, mmcv/ops/roi_align.py, RoIAlign.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align

BOX_SIZE = 7
"""Height and width of the features that boxes are classified by."""
MASK_SIZE = 14
"""Height and width of the features that masks are made of."""

_STRIDES = (4, 8, 16, 32)
_FINEST_SIZE = 56


def roi_pyramid(maps: Sequence[Tensor]) -> list[Tensor]:
    """Return the four finest of the neck's maps as RoIAlign wants them in memory."""
    return [x.contiguous() for x in maps[: len(_STRIDES)]]


def roi_levels(boxes: Tensor) -> Tensor:
    """Return for every box [P, 4] its level [P] int64: 0 below 112 pixels, 1 below 224 ..."""
    sizes = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    levels = (sizes / _FINEST_SIZE + 1e-6).log2().floor()
    return levels.clamp(0, len(_STRIDES) - 1).long()


def roi_features(pyramid: Sequence[Tensor], boxes: Tensor, output_size: int) -> Tensor:
    """Return the features [P, C, S, S] of boxes, each from the level that suits it.

    Args:
        pyramid: maps [1, C, H, W] at strides 4, 8, 16 and 32.
        boxes: [P, 4] xyxy in pixels of the network's input.
        output_size: S.
    """
    levels = roi_levels(boxes)
    features = boxes.new_empty(len(boxes), pyramid[0].shape[1], output_size, output_size)
    for i, (x, stride) in enumerate(zip(pyramid, _STRIDES, strict=True)):
        members = (levels == i).nonzero()[:, 0]
        features[members] = aligned(x, boxes[members], output_size, stride)
    return features


def aligned(x: Tensor, boxes: Tensor, output_size: int, stride: int) -> Tensor:
    """Return the features [P, C, S, S] of boxes from one map [1, C, H, W]: means over cells.

    Half-pixel centres, and as many samples per cell as it has pixels.
    """
    rois = torch.cat([boxes.new_zeros(len(boxes), 1), boxes], dim=1)
    features: Tensor = roi_align(
        x, rois, output_size, spatial_scale=1 / stride, sampling_ratio=0, aligned=True
    )
    return features
