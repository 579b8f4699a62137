"""Non-maximum suppression, with upstream's arithmetic.

Groups (classes, pyramid levels) are kept apart by shifting each group's boxes to a place of its
own. The shift costs float32 a few thousandths of a pixel, and the documented numbers were made with
it, so torchvision's batched_nms, which sometimes loops over groups instead, is not used.

Source: mmcv 1.0.5, mmcv/ops/nms.py, batched_nms; mmdetection 2.3.0,
mmdet/core/post_processing/bbox_nms.py, multiclass_nms.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchvision.ops import nms

from hrnet_zoo.models.detection.boxes import require_numbers
from hrnet_zoo.models.detection.detector import Detections

MAX_DETECTIONS = 100
"""Detections of an image, at most."""

_IOU_THRESHOLD = 0.5
_MANY_BOXES = 10_000
"""From here on groups take turns: the pairwise work of all at once would not fit."""


def grouped_nms(boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float) -> Tensor:
    """Return the indices of the boxes that no better box of their group covers, best first.

    Args:
        boxes: [N, 4] xyxy.
        scores: [N].
        groups: [N] int64, from 0.
        iou_threshold: a box is dropped if its IoU with a better one is above.
    """
    if not len(boxes):
        return torch.empty_like(groups)
    shifted = boxes + (groups.to(boxes.dtype) * (boxes.max() + 1))[:, None]
    if len(boxes) < _MANY_BOXES:
        survivors: Tensor = nms(shifted, scores, iou_threshold)
        return survivors
    kept = []
    for group in range(int(groups.max()) + 1):
        members = (groups == group).nonzero()[:, 0]
        kept.append(members[nms(shifted[members], scores[members], iou_threshold)])
    survivors = torch.cat(kept)
    return survivors[scores[survivors].argsort(descending=True)]


def multiclass_nms(
    boxes: Tensor, scores: Tensor, *, score_threshold: float, factors: Tensor | None = None
) -> Detections:
    """Return the 100 best detections, without those covered by a better one of their class.

    Args:
        boxes: [N, K, 4] xyxy, or [N, 1, 4] if all classes share them.
        scores: [N, K], without background.
        score_threshold: pairs of box and class at or below it are dropped.
        factors: [N], multiplied with the scores of the pairs that remain.

    Raises:
        CheckpointError: a score or factor is NaN.
    """
    require_numbers(scores)
    rows, labels = (scores > score_threshold).nonzero(as_tuple=True)
    pair_boxes = boxes.expand(-1, scores.shape[1], -1)[rows, labels]
    pair_scores = scores[rows, labels]
    if factors is not None:
        require_numbers(factors)
        pair_scores = pair_scores * factors[rows]
    kept = grouped_nms(pair_boxes, pair_scores, labels, _IOU_THRESHOLD)[:MAX_DETECTIONS]
    return Detections(boxes=pair_boxes[kept], scores=pair_scores[kept], labels=labels[kept])
