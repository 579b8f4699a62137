"""Detections and masks of both packages in the same pictures, matched one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from parity_detection.found import Found
from parity_detection.inputs import Picture
from parity_detection.ours import Ours
from parity_detection.upstream import Upstream

# The tolerances of the goldens. Rounding alone moves scores by 2e-5 and corners by 1e-3 pixels.
MAX_SCORE_DIFFERENCE = 1e-4
MIN_IOU = 0.99
MAX_CORNER_DIFFERENCE = 0.02
MIN_SHARE_MATCHED = 0.99
MAX_AREA_DIFFERENCE = 4, 0.005
"""Pixels, or share of the area if that is more."""

LAST = 5
"""Places at the end of a list, where the cut at 100 may take one detection or another."""

Pair = tuple[int, int]
"""Places in upstream's list and in ours."""


@dataclass(frozen=True, kw_only=True)
class MaskAgreement:
    """How far the masks of matched detections are apart."""

    pixels: int
    """Largest number of pixels that are in one mask only."""
    iou: float
    """Lowest IoU of two masks."""
    areas_agree: bool
    """Whether all pairs' areas are within their tolerance."""

    @property
    def agrees(self) -> bool:
        """Whether all differences are within the goldens' tolerances."""
        return self.iou >= MIN_IOU and self.areas_agree


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the two packages are apart on one picture."""

    row: str
    picture: str
    detections: tuple[int, int]
    """Upstream's and ours."""
    matched: int
    """Pairs of the same label with nearly the same score and box."""
    unmatched: tuple[list[int], list[int]]
    """Places of all others in upstream's list and in ours, best score first."""
    classes: int
    """Classes among the matched: agreement on one would mean little."""
    scores: float
    """Largest difference of scores among the matched."""
    corners: float
    """Largest difference of coordinates among the matched, in pixels of the image."""
    masks: MaskAgreement | None
    """None for detectors without masks."""

    @property
    def agrees(self) -> bool:
        """Whether there was anything, and all differences are within the goldens' tolerances."""
        last = zip(self.unmatched, self.detections, strict=True)
        return (
            0 < MIN_SHARE_MATCHED * max(self.detections) <= self.matched
            and all(place >= count - LAST for places, count in last for place in places)
            and self.corners <= MAX_CORNER_DIFFERENCE
            and (self.masks is None or self.masks.agrees)
        )


def compare_answers(name: str, upstream: Upstream, ours: Ours, picture: Picture) -> Agreement:
    """Detect in a picture with both packages and match what they find."""
    theirs, mine = upstream.predict(picture), ours.predict(picture)
    pairs = _matches(theirs, mine)
    left, right = np.array(pairs, int).reshape(-1, 2).T
    counts = len(theirs.scores), len(mine.scores)
    return Agreement(
        row=name,
        picture=picture.title,
        detections=counts,
        matched=len(pairs),
        unmatched=(
            np.setdiff1d(np.arange(counts[0]), left).tolist(),
            np.setdiff1d(np.arange(counts[1]), right).tolist(),
        ),
        classes=np.unique(theirs.labels[left]).size,
        scores=float(np.abs(theirs.scores[left] - mine.scores[right]).max(initial=0)),
        corners=float(np.abs(theirs.boxes[left] - mine.boxes[right]).max(initial=0)),
        masks=_compare_masks(theirs, mine, pairs),
    )


def _matches(theirs: Found, mine: Found) -> list[Pair]:
    """Give every detection of upstream's, best score first, the one of ours that fits best."""
    fits = theirs.labels[:, None] == mine.labels
    fits &= np.abs(theirs.scores[:, None] - mine.scores) <= MAX_SCORE_DIFFERENCE
    ious = np.where(fits, _box_ious(theirs.boxes, mine.boxes), 0)
    pairs = []
    for place, row in enumerate(ious):
        best = int(row.argmax()) if row.size else 0
        if row.size and row[best] >= MIN_IOU:
            pairs.append((place, best))
            ious[:, best] = 0
    return pairs


def _box_ious(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return [M, N]; 0 where neither box has an area."""
    left, right = a.astype(np.float64)[:, None], b.astype(np.float64)
    sides = np.minimum(left[..., 2:], right[..., 2:]) - np.maximum(left[..., :2], right[..., :2])
    common: NDArray[np.float64] = sides.clip(min=0).prod(axis=-1)
    union = _areas(left) + _areas(right) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _areas(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
    return areas


def _compare_masks(theirs: Found, mine: Found, pairs: list[Pair]) -> MaskAgreement | None:
    if theirs.masks is None and mine.masks is None:
        return None
    if theirs.masks is None or mine.masks is None:
        msg = "only one of the packages gives masks"
        raise ValueError(msg)
    masks = [(theirs.masks[i], mine.masks[j]) for i, j in pairs]
    areas = [(int(a.sum()), int(b.sum())) for a, b in masks]
    pixels, share = MAX_AREA_DIFFERENCE
    return MaskAgreement(
        pixels=max((int((a ^ b).sum()) for a, b in masks), default=0),
        iou=min((_mask_iou(a, b) for a, b in masks), default=0.0),
        areas_agree=all(abs(a - b) <= max(pixels, share * a) for a, b in areas),
    )


def _mask_iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the IoU of two masks; two empty ones agree."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0
