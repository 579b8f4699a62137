"""Cuts the features of a box out of the pyramid level that suits its size.

Where tensors have no values, the network's own regions cannot be known. Then regions at random
places stand in; every level has as many as the others, so that all maps are looked at, and get
gradients.

RoIAlign and everything after it follow mmdetection 2.3.0, whose numbers the README prints, also for
files of the later edition: what 3.3.0 does otherwise changes no detection of the goldens.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/roi_extractors/single_level_roi_extractor.py,
SingleRoIExtractor; mmcv 1.0.5, mmcv/ops/roi_align.py, RoIAlign.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

BOX_SIZE = 7
"""Height and width of the features that boxes are classified by."""
MASK_SIZE = 14
"""Height and width of the features that masks are made of."""
STRIDES = (4, 8, 16, 32)
"""Pixels of the image per pixel of the pyramid's maps, finest first."""
_CONTEXT_STRIDE = 8
"""The same of the semantic branch's map."""

_FINEST_SIZE = 56
_SIDE = 84
"""Side of a region that belongs to the finest level, in pixels; it doubles with every level."""
_BOXES_PER_THREAD = 16
"""torchvision's loop over boxes keeps one core busy; from here on, another is worth its start."""


class RoIFeatures:
    """Gives boxes their features: from the map that suits their size, plus the context if any."""

    def __init__(self, maps: Sequence[Tensor], context: Tensor | None = None) -> None:
        """Keep maps as RoIAlign wants them in memory.

        Args:
            maps: the neck's [1, C, H, W], finest first; all but the first four are left out.
            context: [1, C, h, w] at stride 8, see `SemanticHead`.
        """
        self._pyramid = [x.contiguous() for x in maps[: len(STRIDES)]]
        self._context = None if context is None else context.contiguous()

    def __call__(self, boxes: Tensor, size: int) -> Tensor:
        """Return the features [P, C, S, S] of boxes.

        Args:
            boxes: [P, 4] xyxy in pixels of the network's input.
            size: S, 7 or 14.
        """
        if self._context is None:
            return self._from_pyramid(boxes, size)
        context = self.align(self._context, boxes, MASK_SIZE, _CONTEXT_STRIDE)
        if size != MASK_SIZE:
            context = F.avg_pool2d(context, MASK_SIZE // size)
        features = self._from_pyramid(boxes, size)
        features += context
        return features

    def _from_pyramid(self, boxes: Tensor, size: int) -> Tensor:
        finest = self._pyramid[0]
        features = finest.new_empty(len(boxes), finest.shape[1], size, size)
        members = self.members_of_levels(boxes)
        for x, stride, chosen in zip(self._pyramid, STRIDES, members, strict=True):
            features[chosen] = self.align(x, boxes[chosen], size, stride)
        return features

    def members_of_levels(self, boxes: Tensor) -> list[Tensor]:
        """Return for every level the indices of the boxes that it suits."""
        levels = roi_levels(boxes)
        return [(levels == level).nonzero()[:, 0] for level in range(len(STRIDES))]

    def align(self, x: Tensor, boxes: Tensor, size: int, stride: int) -> Tensor:
        """Return the features [P, C, S, S] of boxes from one map."""
        return aligned(x, boxes, size, stride)


def roi_levels(boxes: Tensor) -> Tensor:
    """Return for every box [P, 4] its level [P] int64: 0 below 112 pixels, 1 below 224 ..."""
    sizes = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
    levels = (sizes / _FINEST_SIZE + 1e-6).log2().floor()
    return levels.clamp(0, len(STRIDES) - 1).long()


def aligned(x: Tensor, boxes: Tensor, size: int, stride: int) -> Tensor:
    """Return the features [P, C, S, S] of boxes from one map [1, C, H, W]: means over cells.

    Half-pixel centres, and as many samples per cell as it has pixels.
    """
    from torchvision.ops import roi_align  # noqa: PLC0415 - slow to import

    rois = F.pad(boxes, (1, 0))  # the index of the image comes first
    align = partial(
        roi_align, x, output_size=size, spatial_scale=1 / stride, sampling_ratio=0, aligned=True
    )
    threads = 1 if x.is_cuda else min(torch.get_num_threads(), len(rois) // _BOXES_PER_THREAD)
    if threads <= 1:
        features: Tensor = align(rois)
        return features
    with ThreadPoolExecutor(threads) as pool:
        return torch.cat(list(pool.map(align, rois.chunk(threads))))


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
        from torchvision.ops import roi_align  # noqa: PLC0415 - slow to import

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
