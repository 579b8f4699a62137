"""Holds the detections of one image against its annotations, as pycocotools does.

Matching is greedy, so detections take their turns; areas and thresholds are looked at together.
A detector's hundred detections take a few milliseconds, which a run spends image by image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

from hrnet_zoo.datasets.coco_masks import as_rle
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.tasks.detection.coco_ap import PROTOCOLS
from hrnet_zoo.tasks.detection.matches import NUM_AREAS, NUM_THRESHOLDS, Matches, places_in_runs
from hrnet_zoo.tasks.detection.metrics import Kind

_THRESHOLDS = np.linspace(0.5, 0.95, NUM_THRESHOLDS)
_AREAS = np.array([(0, 1e5), (0, 32), (32, 96), (96, 1e5)]) ** 2
"""Least and largest area of all, small, medium and large objects, in pixels; both belong to it."""
_MOST = PROTOCOLS["mmdet"][-1]
"""Detections per category that are looked at, the best ones; no protocol looks at more."""


def match_image(
    image_id: int,
    size: tuple[int, int],
    annotations: Sequence[Mapping[str, Any]],
    found: ImageDetections,
    category_ids: Sequence[int],
    kind: Kind,
) -> Matches:
    """Return which detections of an image found an object.

    Args:
        image_id: the image's id in the annotation file.
        size: its (height, width).
        annotations: as they stand in the file, crowds included.
        found: the detections; their masks where ``kind`` is "segm". They are sorted into areas by
            their boxes all the same, see `coco_ap.coco_figures`.
        category_ids: the annotation file's id of every class, by label.
        kind: whether to compare boxes or masks.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval._prepare, computeIoU and evaluateImg.
    """
    order = _ranked(found)
    labels = found.labels[order]
    corners = found.boxes[order].astype(np.float64)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    masks = [found.masks[i] for i in order] if kind == "segm" and found.masks else []
    matched = np.zeros((len(order), NUM_AREAS, NUM_THRESHOLDS), bool)
    ignored = _of_other_areas(boxes[:, 2] * boxes[:, 3])[..., None].repeat(NUM_THRESHOLDS, 2)
    objects = np.zeros((len(category_ids), NUM_AREAS), np.int64)
    for label, category_id in enumerate(category_ids):
        truth = [each for each in annotations if each["category_id"] == category_id]
        if not truth:
            continue
        crowd = np.array([bool(each["iscrowd"]) for each in truth])
        areas = np.array([each["area"] for each in truth], np.float64)
        uncounted = (_of_other_areas(areas) | crowd[:, None]).T
        objects[label] = (~uncounted).sum(axis=1)
        ours = np.flatnonzero(labels == label)
        if not len(ours):
            continue
        if kind == "bbox":
            pair: tuple[Any, Any] = boxes[ours], [list(each["bbox"]) for each in truth]
        else:
            coded = [as_rle(each["segmentation"], size) for each in truth]
            pair = [masks[i] for i in ours], coded
        ious = np.asarray(coco_masks.iou(*pair, crowd.tolist()))
        matched[ours], taken = _matched(ious, uncounted, crowd)
        ignored[ours] = np.where(matched[ours], taken, ignored[ours])
    return Matches(
        image_id=image_id,
        scores=found.scores[order].astype(np.float32),
        categories=labels.astype(np.int64),
        matched=matched,
        ignored=ignored,
        objects=objects,
    )


def _ranked(found: ImageDetections) -> NDArray[np.int64]:
    """Return the places of detections by category and score, the best of each category only."""
    order = np.lexsort((-found.scores, found.labels))
    return order[places_in_runs(found.labels[order]) < _MOST]


def _of_other_areas(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which areas [N] are outside each range, [N, 4]."""
    outside: NDArray[np.bool_] = (areas[:, None] < _AREAS[:, 0]) | (areas[:, None] > _AREAS[:, 1])
    return outside


def _matched(
    ious: NDArray[np.float64], uncounted: NDArray[np.bool_], crowd: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which detections of a category find something, and whether that does not count.

    Of what is free and overlaps enough, each takes what overlaps most, and of equals the last. What
    counts goes before what does not, and a crowd is always free.

    Args:
        ious: [M, G], the detections by score.
        uncounted: [4 areas, G], objects of other areas and crowds.
        crowd: [G].

    Returns:
        Two arrays [M, 4, 10].
    """
    shape = (len(ious), NUM_AREAS, NUM_THRESHOLDS)
    matched, taken_uncounted = np.zeros(shape, bool), np.zeros(shape, bool)
    free = np.ones((NUM_AREAS, NUM_THRESHOLDS, len(crowd)), bool)
    last = len(crowd) - 1
    for place in np.flatnonzero((ious >= _THRESHOLDS[0]).any(axis=1)).tolist():
        iou = ious[place]
        good = free & (iou >= _THRESHOLDS[:, None])
        counting = good & ~uncounted[:, None]
        pool = np.where(counting.any(axis=2, keepdims=True), counting, good)
        best = last - np.where(pool, iou, -1)[..., ::-1].argmax(axis=2)
        hit = pool.any(axis=2)
        matched[place] = hit
        taken_uncounted[place] = hit & np.take_along_axis(uncounted, best, axis=1)
        areas, thresholds = np.nonzero(hit)
        chosen = best[areas, thresholds]
        free[areas, thresholds, chosen] = crowd[chosen]
    return matched, taken_uncounted
