"""Upstream's detections in a reference image."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.coco_samples import DetectionSample
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.tasks.reference import Compared, Expected

MAX_SCORE_DIFFERENCE = 1e-3
MAX_CORNER_DIFFERENCE = 0.05
"""Pixels of the original image."""
MAX_PIXELS, MAX_SHARE = 4, 0.01
"""Of a mask: so many may differ, or that share of both; a pixel or two is much of a small one."""


class ExpectedDetections(Expected):
    """Boxes, scores and classes, the areas of all masks, and the first masks themselves."""

    def sample(self, image: NDArray[np.uint8]) -> DetectionSample:
        """Return the image; it has no annotations."""
        return DetectionSample(
            name=self.reference.name, image_id=1, image=image, digest="", annotations=()
        )

    def compared(self, counted: ImageDetections) -> Compared:
        """Return how many detections have a partner, and of these the largest score difference.

        Partners have one class, scores within 1e-3, corners within 0.05 pixels, and masks that are
        alike. Lists are matched, best first: near-equal scores may change places.
        """
        stored: dict[str, Any] = json.loads(self.answer)
        distance = _distances(stored, counted)
        alike = _Masks(stored, counted)
        pairs = []
        for i in range(len(distance)):
            j = int(distance[i].argmin()) if distance.size else 0
            if distance.size and np.isfinite(distance[i, j]):
                distance[:, j] = np.inf
                pairs.append((i, j))
        equal = [(i, j) for i, j in pairs if alike.at(i, j)]
        differences = [abs(stored["scores"][i] - float(counted.scores[j])) for i, j in equal]
        return Compared(
            num_compared=max(len(stored["labels"]), len(counted.labels)),
            num_equal=len(equal),
            largest_score_difference=max(differences, default=None),
        )


def _distances(stored: dict[str, Any], counted: ImageDetections) -> NDArray[np.float64]:
    """Return the largest distance of corners [M, N]; infinite where two are no partners."""
    boxes, scores = (np.array(stored[name], np.float64) for name in ("boxes", "scores"))
    labels = np.array(stored["labels"])
    distance = np.abs(boxes[:, None] - counted.boxes[None].astype(np.float64)).max(axis=2)
    difference = np.abs(scores[:, None] - counted.scores[None].astype(np.float64))
    partners = (
        (labels[:, None] == counted.labels[None])
        & (difference <= MAX_SCORE_DIFFERENCE)
        & (distance <= MAX_CORNER_DIFFERENCE)
    )
    return np.where(partners, distance, np.inf)


class _Masks:
    """Tells whether two detections have the same mask; without masks, they have."""

    def __init__(self, stored: dict[str, Any], counted: ImageDetections) -> None:
        self._areas: list[int] | None = stored.get("mask_areas")
        self._first = decode_masks(stored.get("masks", []))
        self._ours = None if counted.masks is None else decode_masks(counted.masks)

    def at(self, i: int, j: int) -> bool:
        if self._areas is None or self._ours is None:
            return self._areas is None and self._ours is None
        area, ours = self._areas[i], self._ours[j]
        allowed = max(MAX_PIXELS, MAX_SHARE * area)
        if i < len(self._first) and int((self._first[i] ^ ours).sum()) > allowed:
            return False
        return abs(area - int(ours.sum())) <= allowed
