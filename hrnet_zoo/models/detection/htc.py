"""Hybrid Task Cascade: a cascade whose heads also see the whole image, and whose masks build up.

Chen et al., "Hybrid Task Cascade for Instance Segmentation", arXiv:1901.07518. What is interleaved
there concerns training only. Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/htc_roi_head.py, HybridTaskCascadeRoIHead, and
mask_heads/htc_mask_head.py, HTCMaskHead. (3.3.0 uses the last mask head alone.)
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.detection.cascade_rcnn import (
    STAGE_STDS,
    cascade_box_heads,
    mean_probabilities,
    refine,
)
from hrnet_zoo.models.detection.detector import Detections, ImageGeometry
from hrnet_zoo.models.detection.fpn import FPN
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.roi_features import (
    BOX_SIZE,
    MASK_SIZE,
    aligned,
    roi_features,
    roi_pyramid,
)
from hrnet_zoo.models.detection.rpn import RPNHead
from hrnet_zoo.models.detection.semantic_head import STRIDE, SemanticHead
from hrnet_zoo.models.detection.two_stage import (
    RoIHead,
    TwoStageDetector,
    final_detections,
    input_boxes,
    two_stage_on_hrnet,
)
from hrnet_zoo.models.layers import BiasedConv
from hrnet_zoo.models.resnext import build_resnext


class HTCMaskHead(MaskHead):
    """A mask head that, except in the first stage, adds what the stage before saw."""

    def __init__(self, channels: int, num_classes: int, *, is_first: bool) -> None:
        super().__init__(channels, num_classes)
        if not is_first:
            self.conv_res = BiasedConv(channels, channels, 1, relu=True)

    def trunk(self, features: Tensor, previous: Tensor | None) -> Tensor:
        """Return what the convolutions make of the objects, for `classify` and the next stage.

        Args:
            features: [M, C, 14, 14].
            previous: [M, C, 14, 14], the trunk of the stage before; None for the first.
        """
        if previous is not None:
            features = features + self.conv_res(previous)
        made: Tensor = self.convs(features)
        return made


class HTCRoIHead(RoIHead):
    """Three box heads, three mask heads and a semantic branch that all of them draw on."""

    has_masks = True

    def __init__(self, num_classes: int, channels: int) -> None:
        super().__init__()
        self.bbox_head = cascade_box_heads(num_classes, channels)
        self.mask_head = nn.ModuleList(
            HTCMaskHead(channels, num_classes, is_first=i == 0) for i in range(len(STAGE_STDS))
        )
        self.semantic_head = SemanticHead(channels)

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
        pyramid, semantic = roi_pyramid(maps), self.semantic_head(maps).contiguous()
        boxes, logits = refine(
            self.bbox_head,
            lambda rois: _box_features(pyramid, semantic, rois),
            regions,
            geometry.size,
        )
        found = final_detections(boxes[:, None], logits, geometry, score_threshold)
        if not with_masks:
            return found
        features = _mask_features(pyramid, semantic, input_boxes(found, geometry))
        return replace(found, masks=mean_probabilities(self.mask_logits(features, found.labels)))

    def mask_logits(self, features: Tensor, labels: Tensor) -> list[Tensor]:
        """Return the logits [M, 28, 28] of every stage; features do not change on the way."""
        trunk, stages = None, []
        for head in self.mask_head:
            assert isinstance(head, HTCMaskHead)
            trunk = head.trunk(features, trunk)
            stages.append(head.classify(trunk, labels))
        return stages


def _box_features(pyramid: list[Tensor], semantic: Tensor, rois: Tensor) -> Tensor:
    """Return [P, C, 7, 7]: the region's own features plus the semantic ones, pooled to fit."""
    context = F.avg_pool2d(aligned(semantic, rois, MASK_SIZE, STRIDE), MASK_SIZE // BOX_SIZE)
    return roi_features(pyramid, rois, BOX_SIZE) + context


def _mask_features(pyramid: list[Tensor], semantic: Tensor, rois: Tensor) -> Tensor:
    context = aligned(semantic, rois, MASK_SIZE, STRIDE)
    return roi_features(pyramid, rois, MASK_SIZE) + context


def build_htc(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained HTC on the HRNet called ``backbone`` ("w18", "w32" ...)."""
    return two_stage_on_hrnet(backbone, channels, HTCRoIHead(num_classes, channels))


def build_htc_resnext(backbone: str, num_classes: int, channels: int) -> TwoStageDetector:
    """Return an untrained HTC on the ResNeXt called ``backbone``, with an ordinary pyramid."""
    resnext = build_resnext(backbone)
    neck = FPN(resnext.out_channels, channels)
    return TwoStageDetector(resnext, neck, RPNHead(channels), HTCRoIHead(num_classes, channels))
