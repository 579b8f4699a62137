"""Faster R-CNN and Mask R-CNN: every region is classified, moved and, if asked, masked once.

Ren et al., arXiv:1506.01497; He et al., "Mask R-CNN", arXiv:1703.06870.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/standard_roi_head.py, StandardRoIHead.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

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

_STDS = (0.1, 0.1, 0.2, 0.2)


class StandardRoIHead(RoIHead):
    """One box head and, for Mask R-CNN, one mask head."""

    def __init__(self, num_classes: int, channels: int, *, has_masks: bool) -> None:
        super().__init__()
        self.has_masks = has_masks
        self.bbox_head = BoxHead(channels, num_classes, class_agnostic=False)
        if has_masks:
            self.mask_head = MaskHead(channels, num_classes)

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
        logits, deltas = self.bbox_head(roi_features(pyramid, regions, BOX_SIZE))
        boxes = decode_deltas(regions[:, None], deltas, _STDS, geometry.size)
        found = final_detections(boxes, logits, geometry, score_threshold)
        if not (self.has_masks and with_masks):
            return found
        features = roi_features(pyramid, input_boxes(found, geometry), MASK_SIZE)
        return replace(found, masks=self.mask_head(features, found.labels).sigmoid())


def build_faster_rcnn(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained Faster R-CNN on the HRNet called ``backbone``."""
    head = StandardRoIHead(num_classes, channels, has_masks=False)
    return two_stage_on_hrnet(backbone, channels, head)


def build_mask_rcnn(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained Mask R-CNN on the HRNet called ``backbone``."""
    head = StandardRoIHead(num_classes, channels, has_masks=True)
    return two_stage_on_hrnet(backbone, channels, head)
