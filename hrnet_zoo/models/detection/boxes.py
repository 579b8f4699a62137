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
from collections.abc import Sequence

import torch
from torch import Tensor

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.detection.detector import Detections

_MAX_LOG_RATIO = abs(math.log(16 / 1000))

MAX_DETECTIONS = 100
"""Detections of an image, at most."""

_IOU_THRESHOLD = 0.5
_MANY_BOXES = {"cpu": 10_000, "cuda": 30_000}
"""From here on groups take turns: the pairwise work of all at once would not fit, or take longer.
GPUs compare in parallel, and would have to be waited for in every turn."""

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
    deltas = deltas * filled(stds, deltas.device)
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
    """Move corners [..., 4] into an image of (height, width); its far edge counts as inside."""
    height, width = size
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x, y], dim=-1).flatten(-2)


class Numbers:
    """Watches what a network says for NaN, and waits for the device only once, at the end.

    Otherwise NaN would vanish: no score is above a threshold then, and the image would look empty.
    """

    def __init__(self) -> None:
        self._broken: Tensor | None = None

    def watched(self, values: Tensor) -> Tensor:
        """Return values of any shape without NaN, so that no place in memory comes from one."""
        broken = values.isnan()
        any_broken = broken.any()
        self._broken = any_broken if self._broken is None else self._broken | any_broken
        return values.masked_fill(broken, 0)

    def require(self) -> None:
        """Raise CheckpointError if any value watched was NaN."""
        if self._broken is not None and bool(self._broken):
            msg = (
                "the network's outputs are not numbers (NaN): its weights are broken, "
                "although each is a number. Fetch the published file again."
            )
            raise CheckpointError(msg)


def filled(values: Sequence[float], device: torch.device) -> Tensor:
    """Return a few numbers [N] float32 on a device.

    A list would be copied from the host: a GPU stands still for that, and a graph cannot hold it.
    """
    numbers = torch.empty(len(values), device=device)
    for i, value in enumerate(values):
        numbers[i].fill_(value)
    return numbers


def scale_tensor(scale_factors: tuple[float, float], like: Tensor) -> Tensor:
    """Return (x, y, x, y) as upstream keeps it, in float32 on the device of ``like``."""
    return filled([*scale_factors, *scale_factors], like.device)


def grouped_nms(boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float) -> Tensor:
    """Return the indices of the boxes that no better box of their group covers, best first.

    Args:
        boxes: [N, 4] xyxy.
        scores: [N].
        groups: [N] int64, from 0.
        iou_threshold: a box is dropped if its IoU with a better one is above.
    """
    from torchvision.ops import nms  # noqa: PLC0415 - slow to import

    if not len(boxes):
        return torch.empty_like(groups)
    shifted = boxes + (groups.to(boxes.dtype) * (boxes.max() + 1))[:, None]
    if len(boxes) < _MANY_BOXES[boxes.device.type]:
        survivors: Tensor = nms(shifted, scores, iou_threshold)
        return survivors
    kept = []
    for group in range(int(groups.max()) + 1):
        members = (groups == group).nonzero()[:, 0]
        kept.append(members[nms(shifted[members], scores[members], iou_threshold)])
    survivors = torch.cat(kept)
    return survivors[scores[survivors].argsort(descending=True)]


def multiclass_nms(
    boxes: Tensor,
    scores: Tensor,
    numbers: Numbers,
    *,
    score_threshold: float,
    factors: Tensor | None = None,
) -> Detections:
    """Return the 100 best detections, without those covered by a better one of their class.

    Args:
        boxes: [N, K, 4] xyxy, or [N, 1, 4] if all classes share them.
        scores: [N, K], without background.
        numbers: sees scores and factors.
        score_threshold: pairs of box and class at or below it are dropped.
        factors: [N], multiplied with the scores of the pairs that remain.
    """
    scores = numbers.watched(scores)
    rows, labels = (scores > score_threshold).nonzero(as_tuple=True)
    pair_boxes = boxes.expand(-1, scores.shape[1], -1)[rows, labels]
    pair_scores = scores[rows, labels]
    if factors is not None:
        pair_scores = pair_scores * numbers.watched(factors)[rows]
    kept = grouped_nms(pair_boxes, pair_scores, labels, _IOU_THRESHOLD)[:MAX_DETECTIONS]
    return Detections(boxes=pair_boxes[kept], scores=pair_scores[kept], labels=labels[kept])
