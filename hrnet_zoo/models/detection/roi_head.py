"""The second stage: every region is classified, moved and, if asked, masked, once or in a cascade.

Ren et al., "Faster R-CNN", arXiv:1506.01497; He et al., "Mask R-CNN", arXiv:1703.06870; Cai and
Vasconcelos, "Cascade R-CNN", arXiv:1712.00726 and 1906.09756; Chen et al., "Hybrid Task Cascade for
Instance Segmentation", arXiv:1901.07518, where what is interleaved concerns training only.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/, standard_roi_head.py, cascade_roi_head.py and
htc_roi_head.py, as set by configs/_base_/models/cascade_mask_rcnn_r50_fpn.py and others. (3.3.0
uses the last mask head of a hybrid cascade alone, by mistake.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from hrnet_zoo.models.detection.boxes import (
    MAX_DETECTIONS,
    Numbers,
    decode_deltas,
    multiclass_nms,
    scale_tensor,
)
from hrnet_zoo.models.detection.detector import Detections, ImageGeometry
from hrnet_zoo.models.detection.heads import BoxHead, MaskHead, SemanticHead
from hrnet_zoo.models.detection.roi_features import (
    BOX_SIZE,
    MASK_SIZE,
    RoIFeatures,
    StandInFeatures,
    stand_in_rois,
)
from hrnet_zoo.models.detection.rpn import MAX_PROPOSALS

STAGE_STDS = ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067))
"""What the deltas of each stage were divided by in training."""
CASCADE = len(STAGE_STDS)
"""Stages of a cascade."""


class RoIHead(nn.Module):
    """Box heads, each of which looks at what the one before made of the regions, and mask heads."""

    def __init__(
        self,
        num_classes: int,
        channels: int,
        *,
        num_stages: int = 1,
        has_masks: bool = False,
        is_hybrid: bool = False,
    ) -> None:
        """Build the head with random weights.

        Args:
            num_classes: foreground classes.
            channels: of the neck's maps.
            num_stages: 1, or 3 for a cascade, in which all classes share their deltas.
            has_masks: whether every stage has a mask head as well.
            is_hybrid: whether all of them draw on a semantic branch, which sees the image as a
                whole, and masks build up from stage to stage.
        """
        super().__init__()
        self.has_masks = has_masks
        stages = range(num_stages)
        boxes = [BoxHead(channels, num_classes, class_agnostic=num_stages > 1) for _ in stages]
        self.bbox_head = _alone_or_listed(boxes)
        if has_masks:
            self.mask_head = _alone_or_listed(
                [MaskHead(channels, num_classes, adds_previous=is_hybrid and i > 0) for i in stages]
            )
        self.semantic_head = SemanticHead(channels) if is_hybrid else None

    @property
    def box_heads(self) -> Sequence[BoxHead]:
        """Return the box head of every stage."""
        return cast("Sequence[BoxHead]", _listed(self.bbox_head))

    @property
    def mask_heads(self) -> Sequence[MaskHead]:
        """Return the mask head of every stage; none if it has none."""
        return cast("Sequence[MaskHead]", _listed(self.mask_head)) if self.has_masks else ()

    def forward(
        self,
        maps: list[Tensor],
        regions: Tensor,
        geometry: ImageGeometry,
        numbers: Numbers,
        *,
        score_threshold: float,
        with_masks: bool,
    ) -> Detections:
        """Detect objects in regions.

        Args:
            maps: the neck's five maps [1, C, H, W], finest first.
            regions: [P, 4] xyxy in pixels of the network's input.
            geometry: as for `Detector`.
            numbers: sees boxes and scores.
            score_threshold: as for `Detector`.
            with_masks: as for `Detector`.
        """
        features = RoIFeatures(maps, self._context(maps))
        boxes, logits = self._refined(features, regions, geometry.size, numbers)
        # Boxes go back to the original image before they are suppressed.
        scale = scale_tensor(geometry.scale_factors, boxes)
        foreground = logits.softmax(dim=1)[:, :-1]
        found = multiclass_nms(boxes / scale, foreground, numbers, score_threshold=score_threshold)
        if not (self.has_masks and with_masks):
            return found
        objects = features(found.boxes * scale, MASK_SIZE)
        return replace(found, masks=self._mask_probabilities(objects, found.labels))

    def run_all_parts(self, maps: list[Tensor], size: tuple[int, int]) -> Tensor | None:
        """Do all of `forward` that depends on no values, for an input of (height, width).

        Returns:
            The masks [M, 28, 28] of as many objects as there can be, if it has any.
        """
        features = StandInFeatures(maps, self._context(maps))
        device = maps[0].device
        regions = stand_in_rois(MAX_PROPOSALS, size, device)
        # What the stages say about regions is kept until the last of them.
        said = [head(features(regions, BOX_SIZE)) for head in self.box_heads]
        del said
        if not self.has_masks:
            return None
        objects = features(stand_in_rois(MAX_DETECTIONS, size, device), MASK_SIZE)
        labels = torch.zeros(MAX_DETECTIONS, dtype=torch.int64, device=device)
        return self._mask_probabilities(objects, labels)

    def _context(self, maps: list[Tensor]) -> Tensor | None:
        return None if self.semantic_head is None else self.semantic_head(maps)

    def _refined(
        self, features: RoIFeatures, regions: Tensor, size: tuple[int, int], numbers: Numbers
    ) -> tuple[Tensor, Tensor]:
        """Let every stage classify and move the boxes of the stage before.

        Returns:
            The last boxes [P, K, 4], or [P, 1, 4] if all classes share them, and the mean of the
            logits [P, K + 1] that stages gave the boxes they saw.
        """
        boxes, stages = regions[:, None], []
        for head, stds in zip(self.box_heads, STAGE_STDS, strict=False):
            logits, deltas = head(features(boxes[:, 0], BOX_SIZE))
            stages.append(logits)
            boxes = numbers.watched(decode_deltas(boxes, deltas, stds, size))
        return boxes, mean_logits(stages)

    def _mask_probabilities(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the mean [M, 28, 28] of the probabilities of all stages.

        Features do not change on the way.
        """
        trunk, stages = None, []
        for head in self.mask_heads:
            trunk = head.trunk(features, trunk)
            stages.append(head.classify(trunk, labels))
        return mean_probabilities(stages)


def mean_logits(stages: list[Tensor]) -> Tensor:
    """Return the mean of the stages' logits: not of their probabilities."""
    return torch.stack(stages).mean(dim=0)


def mean_probabilities(stages: list[Tensor]) -> Tensor:
    """Return the mean of the probabilities that the stages' mask logits [M, 28, 28] stand for."""
    return torch.stack(stages).sigmoid().mean(dim=0)


def _alone_or_listed(heads: Sequence[nn.Module]) -> nn.Module:
    """Return heads as upstream keeps them: those of a cascade have numbers."""
    return heads[0] if len(heads) == 1 else nn.ModuleList(heads)


def _listed(heads: nn.Module) -> Sequence[nn.Module]:
    return list(heads) if isinstance(heads, nn.ModuleList) else [heads]
