"""Boxes: how networks encode them, and which of them are suppressed, with upstream's arithmetic.

Boxes are xyxy in pixels of the network's input; width = x2 - x1, without the "+ 1" of older
detectors. What decodes them keeps gradients.

In suppression, groups (classes, pyramid levels) are kept apart by shifting each group's boxes to a
place of its own. The shift costs float32 a few thousandths of a pixel, and the documented numbers
were made with it, so torchvision's batched_nms, which sometimes loops over groups instead, is not
used.

Source: mmdetection 2.3.0, mmdet/core/bbox/coder/delta_xywh_bbox_coder.py, delta2bbox;
mmdet/core/bbox/transforms.py, distance2bbox; mmdet/core/post_processing/bbox_nms.py,
multiclass_nms; mmcv 1.0.5, mmcv/ops/nms.py, batched_nms.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torchvision.ops import nms

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.detection.detector import Detections

_MAX_LOG_RATIO = abs(math.log(16 / 1000))

MAX_DETECTIONS = 100
"""Detections of an image, at most."""

_IOU_THRESHOLD = 0.5
_MANY_BOXES = 10_000
"""From here on groups take turns: the pairwise work of all at once would not fit."""

Stds = tuple[float, float, float, float]
"""What deltas (dx, dy, dw, dh) were divided by in training."""


def decode_deltas(rois: Tensor, deltas: Tensor, stds: Stds, size: tuple[int, int]) -> Tensor:
    """Move and scale boxes by what a network predicts for them, and clip them.

    Args:
        rois: [..., 4] xyxy.
        deltas: [..., 4], broadcastable with ``rois``: shifts in units of width and height, then
            logarithms of the factors for width and height, which are limited to 62.5 both ways.
        stds: multiplied with the deltas.
        size: (height, width) to clip to.
    """
    deltas = deltas * deltas.new_tensor(stds)
    centres = (rois[..., :2] + rois[..., 2:]) * 0.5
    extents = rois[..., 2:] - rois[..., :2]
    centres = centres + extents * deltas[..., :2]
    halves = extents * deltas[..., 2:].clamp(-_MAX_LOG_RATIO, _MAX_LOG_RATIO).exp() * 0.5
    return clip(torch.cat([centres - halves, centres + halves], dim=-1), size)


def decode_distances(points: Tensor, distances: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the boxes [N, 4] that reach a distance from points in each direction, clipped.

    Args:
        points: [N, 2] (x, y).
        distances: [N, 4] to the left, top, right and bottom, in pixels.
        size: (height, width) to clip to.
    """
    corners = [points - distances[:, :2], points + distances[:, 2:]]
    return clip(torch.cat(corners, dim=1), size)


def clip(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Move corners [..., 4] into an image of (height, width); its far edge counts as inside.

    Raises:
        CheckpointError: a corner is NaN.
    """
    require_numbers(boxes)
    height, width = size
    return boxes.clamp(min=0).minimum(boxes.new_tensor([width, height, width, height]))


def require_numbers(values: Tensor) -> None:
    """Raise CheckpointError if any value is NaN.

    Otherwise NaN would vanish: no score is above a threshold then, and the image would look empty.
    """
    if values.isnan().any():
        msg = (
            "the network's outputs are not numbers (NaN): its weights are broken, "
            "although each is a number. Fetch the published file again."
        )
        raise CheckpointError(msg)


def scale_tensor(scale_factors: tuple[float, float], like: Tensor) -> Tensor:
    """Return (x, y, x, y) as upstream keeps it, in float32 on the device of ``like``."""
    return like.new_tensor([*scale_factors, *scale_factors])


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
