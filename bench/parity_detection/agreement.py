"""Detections and masks of both packages in the same pictures, matched one to one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matching import Matching, mask_iou, masks_agree, match_detections
from numpy.typing import NDArray

from hrnet_zoo.detections import ImageDetections
from hrnet_zoo.rle import decode_masks
from parity_detection.inputs import Picture
from parity_detection.ours import Ours
from parity_detection.upstream import Upstream


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
    classes: int
    """Classes among the matched: agreement on one would mean little."""
    masks: MaskAgreement | None
    """None for detectors without masks."""

    @property
    def agrees(self) -> bool:
        """Whether there was anything, and all differences are within the goldens' tolerances."""
        masks_agree = self.masks is None or self.masks.agrees
        return bool(self.boxes.pairs) and self.boxes.agrees and masks_agree


def compare_answers(name: str, upstream: Upstream, ours: Ours, picture: Picture) -> Agreement:
    """Detect in a picture with both packages and match what they find."""
    theirs, mine = upstream.predict(picture), ours.predict(picture)
    matched = match_detections(theirs, mine)
    return Agreement(
        row=name,
        picture=picture.title,
        boxes=matched,
        classes=len({int(theirs.labels[i]) for i, _ in matched.pairs}),
        masks=_compare_masks(theirs, mine, matched.pairs),
    )


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
