"""Cascade R-CNN: three box heads, each of which looks at what the one before made of the regions.

Cai and Vasconcelos, "Cascade R-CNN", arXiv:1712.00726 and 1906.09756.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/cascade_roi_head.py, CascadeRoIHead, as set by
configs/_base_/models/cascade_mask_rcnn_r50_fpn.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from hrnet_zoo.models.detection.box_head import BoxHead
from hrnet_zoo.models.detection.boxes import decode_deltas
from hrnet_zoo.models.detection.detector import Detections, ImageGeometry
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.roi_features import BOX_SIZE, MASK_SIZE, roi_features, roi_pyramid
from hrnet_zoo.models.detection.two_stage import (
    RoIHead,
    TwoStageDetector,
    final_detections,
    input_boxes,
    two_stage_on_hrnet,
)

STAGE_STDS = ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067))
"""What the deltas of each stage were divided by in training."""


class CascadeRoIHead(RoIHead):
    """Three box heads and, if it has masks, three mask heads."""

    def __init__(self, num_classes: int, channels: int, *, has_masks: bool) -> None:
        super().__init__()
        self.has_masks = has_masks
        self.bbox_head = cascade_box_heads(num_classes, channels)
        if has_masks:
            self.mask_head = nn.ModuleList(MaskHead(channels, num_classes) for _ in STAGE_STDS)

    def forward(
        self,
        maps: list[Tensor],
        regions: Tensor,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool,
    ) -> Detections:
        """Detect objects in regions; see `RoIHead`."""
        pyramid = roi_pyramid(maps)
        boxes, logits = refine(
            self.bbox_head,
            lambda rois: roi_features(pyramid, rois, BOX_SIZE),
            regions,
            geometry.size,
        )
        found = final_detections(boxes[:, None], logits, geometry, score_threshold)
        if not (self.has_masks and with_masks):
            return found
        features = roi_features(pyramid, input_boxes(found, geometry), MASK_SIZE)
        stages = [head(features, found.labels) for head in self.mask_head]
        return replace(found, masks=mean_probabilities(stages))


def cascade_box_heads(num_classes: int, channels: int) -> nn.ModuleList:
    """Return an untrained box head for every stage; all classes share their deltas."""
    return nn.ModuleList(BoxHead(channels, num_classes, class_agnostic=True) for _ in STAGE_STDS)


def refine(
    heads: Iterable[nn.Module],
    box_features: Callable[[Tensor], Tensor],
    regions: Tensor,
    size: tuple[int, int],
) -> tuple[Tensor, Tensor]:
    """Let every stage classify and move the boxes of the stage before.

    Args:
        heads: the box heads, in order.
        box_features: maps boxes [P, 4] to their features [P, C, 7, 7].
        regions: [P, 4] where the first stage looks.
        size: (height, width) to clip to.

    Returns:
        The last boxes [P, 4], and the mean [P, K + 1] of the logits of all stages, each from the
        boxes it was given.
    """
    boxes, stages = regions, []
    for head, stds in zip(heads, STAGE_STDS, strict=True):
        logits, deltas = head(box_features(boxes))
        stages.append(logits)
        boxes = decode_deltas(boxes, deltas[:, 0], stds, size)
    return boxes, mean_logits(stages)


def mean_logits(stages: list[Tensor]) -> Tensor:
    """Return the mean of the stages' logits: not of their probabilities."""
    return torch.stack(stages).mean(dim=0)


def mean_probabilities(stages: list[Tensor]) -> Tensor:
    """Return the mean of the probabilities that the stages' mask logits [M, 28, 28] stand for."""
    return torch.stack(stages).sigmoid().mean(dim=0)


def build_cascade_rcnn(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained Cascade R-CNN on the HRNet called ``backbone``."""
    head = CascadeRoIHead(num_classes, channels, has_masks=False)
    return two_stage_on_hrnet(backbone, channels, head)


def build_cascade_mask_rcnn(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained Cascade Mask R-CNN on the HRNet called ``backbone``."""
    head = CascadeRoIHead(num_classes, channels, has_masks=True)
    return two_stage_on_hrnet(backbone, channels, head)
