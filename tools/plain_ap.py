"""COCO's average precision, written in the most obvious and slowest way.

It covers what the demo's images need: no crowds, and objects of all sizes counted alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
MOST_PER_IMAGE = 100

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Found:
    """The detections in one image."""

    boxes: Floats
    """[M, 4], xyxy."""
    scores: Floats
    """[M]."""
    labels: npt.NDArray[np.int64]
    """[M]."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The objects in one image."""

    boxes: Floats
    """[N, 4], xyxy."""
    labels: npt.NDArray[np.int64]
    """[N]."""


def box_iou(a: Floats, b: Floats) -> float:
    """Return the intersection over union of two boxes, xyxy."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return float(both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both))


def average_precision(found: list[Found], truth: list[Truth], num_classes: int) -> Floats:
    """Return AP [thresholds, classes], 0 to 1; NaN for a class without objects.

    Args:
        found: one entry per image.
        truth: likewise.
        num_classes: labels are 0 to this - 1.
    """
    table = np.full((len(THRESHOLDS), num_classes), np.nan)
    for label in range(num_classes):
        num_objects = sum(int(np.sum(image.labels == label)) for image in truth)
        if num_objects == 0:
            continue
        for row, threshold in enumerate(THRESHOLDS):
            scores: list[float] = []
            right: list[bool] = []
            for in_image, objects in zip(found, truth, strict=True):
                image_scores, image_right = _judged(in_image, objects, label, float(threshold))
                scores += image_scores
                right += image_right
            table[row, label] = _area_under_curve(scores, right, num_objects)
    return table


def _judged(
    found: Found, truth: Truth, label: int, threshold: float
) -> tuple[list[float], list[bool]]:
    """Return the scores of one class' detections in an image, and which of them hit an object."""
    order = [i for i in np.argsort(-found.scores, kind="stable") if found.labels[i] == label]
    order = order[:MOST_PER_IMAGE]
    free = [box for box, its_label in zip(truth.boxes, truth.labels, strict=True)
            if its_label == label]  # fmt: skip
    right = []
    for i in order:
        overlaps = [box_iou(found.boxes[i], box) for box in free]
        hit = bool(overlaps) and max(overlaps) >= threshold
        if hit:
            del free[int(np.argmax(overlaps))]
        right.append(hit)
    return [float(found.scores[i]) for i in order], right


def _area_under_curve(scores: list[float], right: list[bool], num_objects: int) -> float:
    """Return the mean, over 101 recalls, of the best precision at that recall or beyond."""
    order = np.argsort(-np.array(scores), kind="stable")
    hits = np.cumsum(np.array(right, dtype=np.float64)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / num_objects
    best = [max(precision[recall >= wanted], default=0.0) for wanted in RECALLS]
    return float(np.mean(best))
