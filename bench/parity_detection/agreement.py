"""Detections and masks of both packages in the same pictures, matched one to one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matching import (
    MIN_SHARE_MATCHED,
    Matching,
    iou,
    mask_iou,
    masks_agree,
    match_detections,
)
from numpy.typing import NDArray

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.rle import decode_masks
from parity_detection.inputs import Picture
from parity_detection.ours import Ours
from parity_detection.upstream import Upstream

MIN_IOU_EXCHANGED = 0.5
"""Of two boxes of which either would have suppressed the other."""


@dataclass(frozen=True, kw_only=True)
class MaskAgreement:
    """How far the masks of matched detections are apart."""

    pixels: int
    """Largest number of pixels that are in one mask only."""
    iou: float
    """Lowest IoU of two masks."""
    agrees: bool
    """Whether all pairs are within the goldens' tolerances."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far the two packages are apart on one picture."""

    row: str
    picture: str
    boxes: Matching
    """Upstream's are the reference."""
    exchanged: list[tuple[int, int]]
    """Unmatched ones of the same label and nearly the same place, one of each package."""
    classes: int
    """Classes among the matched: agreement on one would mean little."""
    masks: MaskAgreement | None
    """None for detectors without masks."""

    @property
    def agrees(self) -> bool:
        """Whether there was anything, and all differences are within the goldens' tolerances.

        One in a hundred may be exchanged wherever it stands. Suppression is a decision between
        neighbours, and among thousands of proposals a few are so close that rounding decides:
        in the largest picture, upstream's Cascade R-CNN exchanges one with itself when oneDNN is
        off, and in two out of seven times when its weights change by a millionth.
        """
        found, longest = self.boxes, max(self.boxes.num_reference, self.boxes.num_ours)
        settled = replace(found, pairs=[*found.pairs, *self.exchanged])
        return (
            0 < MIN_SHARE_MATCHED * longest <= len(found.pairs)
            and settled.agrees
            and (self.masks is None or self.masks.agrees)
        )


def compare_answers(name: str, upstream: Upstream, ours: Ours, picture: Picture) -> Agreement:
    """Detect in a picture with both packages and match what they find."""
    theirs, mine = upstream.predict(picture), ours.predict(picture)
    matched = match_detections(theirs, mine)
    return Agreement(
        row=name,
        picture=picture.title,
        boxes=matched,
        exchanged=_exchanged(theirs, mine, matched),
        classes=len({int(theirs.labels[i]) for i, _ in matched.pairs}),
        masks=_compare_masks(theirs, mine, matched.pairs),
    )


def _exchanged(
    theirs: ImageDetections, mine: ImageDetections, matched: Matching
) -> list[tuple[int, int]]:
    """Pair what is unmatched with an unmatched neighbour of the same label."""
    ious = iou(theirs.boxes, mine.boxes)
    free = set(matched.unmatched_ours)
    pairs = []
    for i in matched.unmatched_reference:
        near = [
            j
            for j in sorted(free)
            if theirs.labels[i] == mine.labels[j] and ious[i, j] >= MIN_IOU_EXCHANGED
        ]
        if near:
            pairs.append((i, near[0]))
            free.remove(near[0])
    return pairs


def _compare_masks(
    theirs: ImageDetections, mine: ImageDetections, pairs: list[tuple[int, int]]
) -> MaskAgreement | None:
    if theirs.masks is None and mine.masks is None:
        return None
    if theirs.masks is None or mine.masks is None:
        msg = "only one of the packages gives masks"
        raise ValueError(msg)
    reference, ours = decode_masks(theirs.masks), decode_masks(mine.masks)
    masks: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]
    masks = [(reference[i], ours[j]) for i, j in pairs]
    return MaskAgreement(
        pixels=max((int((a ^ b).sum()) for a, b in masks), default=0),
        iou=min((mask_iou(a, b) for a, b in masks), default=0.0),
        agrees=all(masks_agree(a, b) for a, b in masks),
    )
