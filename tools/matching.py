"""Compares two lists of detections the only fair way: matched, not index by index.

Near-equal scores can change places and boxes at the cut can drop out; nothing else may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.detections import ImageDetections

MAX_SCORE_DIFFERENCE = 1e-4
MIN_IOU = 0.99
MAX_CORNER_DIFFERENCE = 0.02
"""Pixels of the original image."""
MIN_SHARE_MATCHED = 0.99
LAST = 5
"""Only this many of the lowest scores of a list may be without a partner: the cut is there."""
MAX_PIXELS = 4
"""Of a mask; a pixel or two is much of a small one."""

Boxes = NDArray[np.float32]
Bitmaps = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Matching:
    """Which detections of two lists are the same, and how well these agree."""

    num_reference: int
    num_ours: int
    pairs: list[tuple[int, int]]
    """(index in the reference, index in ours)."""
    max_corner_difference: float
    """Pixels; over the pairs."""
    max_score_difference: float
    """Over the pairs."""

    @property
    def agrees(self) -> bool:
        """Whether the lists are the same as far as rounding lets them be."""
        longest = max(self.num_reference, self.num_ours)
        return (
            len(self.pairs) >= MIN_SHARE_MATCHED * longest
            and self.max_corner_difference <= MAX_CORNER_DIFFERENCE
            and all(i >= self.num_reference - LAST for i in self.unmatched_reference)
            and all(i >= self.num_ours - LAST for i in self.unmatched_ours)
        )

    @property
    def unmatched_reference(self) -> list[int]:
        """Indices of the reference without a partner in ours."""
        return sorted(set(range(self.num_reference)) - {i for i, _ in self.pairs})

    @property
    def unmatched_ours(self) -> list[int]:
        """Indices of ours without a partner in the reference."""
        return sorted(set(range(self.num_ours)) - {j for _, j in self.pairs})


def match_detections(reference: ImageDetections, ours: ImageDetections) -> Matching:
    """Give every detection of the reference, best first, the nearest free one of ours.

    Partners have the same label, scores within 1e-4 and an IoU of at least 0.99.
    """
    possible = iou(reference.boxes, ours.boxes)
    score_difference = np.abs(reference.scores[:, None] - ours.scores[None])
    possible[reference.labels[:, None] != ours.labels[None]] = 0
    possible[score_difference > MAX_SCORE_DIFFERENCE] = 0
    pairs = _greedy(possible, MIN_IOU)
    corners = [np.abs(reference.boxes[i] - ours.boxes[j]).max() for i, j in pairs]
    return Matching(
        num_reference=len(reference.boxes),
        num_ours=len(ours.boxes),
        pairs=pairs,
        max_corner_difference=float(max(corners, default=0)),
        max_score_difference=float(max((score_difference[i, j] for i, j in pairs), default=0)),
    )


def match_proposals(
    reference: Boxes,
    reference_scores: NDArray[np.float32],
    boxes: Boxes,
    scores: NDArray[np.float32],
) -> int:
    """Return how many proposals of the reference have a partner: IoU 0.999, score within 1e-5."""
    possible = iou(reference, boxes)
    possible[np.abs(reference_scores[:, None] - scores[None]) > 1e-5] = 0
    return len(_greedy(possible, 0.999))


def iou(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    """Return the intersection over union of boxes [M, 4] and [N, 4], [M, N]; equal boxes give 1."""
    x, y = a[:, None].astype(np.float64), b[None].astype(np.float64)
    overlap = np.minimum(x[..., 2:], y[..., 2:]) - np.maximum(x[..., :2], y[..., :2])
    intersection = overlap.clip(min=0).prod(-1)
    union = (x[..., 2:] - x[..., :2]).prod(-1) + (y[..., 2:] - y[..., :2]).prod(-1) - intersection
    shared: NDArray[np.float64] = np.zeros_like(union)
    np.divide(intersection, union, out=shared, where=union > 0)
    shared[(x == y).all(-1)] = 1  # boxes without area, too
    return shared


def masks_agree(reference: Bitmaps, ours: Bitmaps) -> bool:
    """Whether two masks [H, W] are the same up to a few pixels on their outline."""
    different = int((reference ^ ours).sum())
    near = different <= MAX_PIXELS or mask_iou(reference, ours) >= MIN_IOU
    return near and areas_agree(int(reference.sum()), int(ours.sum()))


def areas_agree(reference: int, ours: int) -> bool:
    """Whether two masks have the same number of pixels, up to 4 or half a percent."""
    return abs(reference - ours) <= max(MAX_PIXELS, 0.005 * reference)


def mask_iou(a: Bitmaps, b: Bitmaps) -> float:
    """Return the intersection over union of two masks; 1 if both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def _greedy(possible: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """Pair rows with columns, row by row, each with the best column still free."""
    pairs: list[tuple[int, int]] = []
    if not possible.size:
        return pairs
    free = possible.copy()
    for i in range(len(free)):
        j = int(free[i].argmax())
        if free[i, j] >= least:
            pairs.append((i, j))
            free[:, j] = 0
    return pairs
