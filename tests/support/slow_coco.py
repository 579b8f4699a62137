"""COCO's figures for boxes in plain loops: slow, and written from the definition alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Json = dict[str, Any]

IOU_THRESHOLDS = [float(t) for t in np.linspace(0.5, 0.95, 10)]
# Their rounding decides: 0.7 is below the step 0.7000000000000001, and so it is in pycocotools.
RECALLS = [float(r) for r in np.linspace(0, 1, 101)]
AREAS = {"": (0, 1e10), "_small": (0, 32**2), "_medium": (32**2, 96**2), "_large": (96**2, 1e10)}


def slow_figures(
    ground_truth: Json, results: list[Json], max_dets: Sequence[int] = (100, 300, 1000)
) -> dict[str, float | None]:
    """Return the twelve figures by name, in percent."""
    iou_50, iou_75, most = IOU_THRESHOLDS[:1], IOU_THRESHOLDS[5:6], max_dets[-1]
    figures = {
        "ap": mean(curves(ground_truth, results, IOU_THRESHOLDS, "", 100), "precision"),
        "ap50": mean(curves(ground_truth, results, iou_50, "", most), "precision"),
        "ap75": mean(curves(ground_truth, results, iou_75, "", most), "precision"),
    }
    for limit in max_dets:
        found = curves(ground_truth, results, IOU_THRESHOLDS, "", limit)
        figures[f"ar_{limit}"] = mean(found, "recall")
    for area in ("_small", "_medium", "_large"):
        sized = list(curves(ground_truth, results, IOU_THRESHOLDS, area, most))
        figures[f"ap{area}"] = mean(sized, "precision")
        figures[f"ar{area}"] = mean(sized, "recall")
    return figures


def curves(
    ground_truth: Json, results: list[Json], thresholds: Sequence[float], area: str, limit: int
) -> Iterator[dict[str, float]]:
    """Yield AP and recall of every category that has objects, at every threshold."""
    for category in ground_truth["categories"]:
        truths = [a for a in ground_truth["annotations"] if a["category_id"] == category["id"]]
        found = [r for r in results if r["category_id"] == category["id"]]
        counted = [t for t in truths if not ignored(t, area)]
        for threshold in thresholds if counted else ():
            judged: list[tuple[float, bool]] = []
            for image in sorted(ground_truth["images"], key=lambda entry: int(entry["id"])):
                here = [t for t in truths if t["image_id"] == image["id"]]
                ours = [r for r in found if r["image_id"] == image["id"]]
                best = sorted(ours, key=lambda r: -float(r["score"]))[:limit]
                judged += judge(here, best, threshold, area)
            judged.sort(key=lambda pair: -pair[0])
            yield average_precision([is_true for _, is_true in judged], len(counted))


def judge(
    truths: list[Json], results: list[Json], threshold: float, area: str
) -> Iterator[tuple[float, bool]]:
    """Yield score and truth of one image's results; those that do not count are left out."""
    free = list(truths)
    for result in results:
        overlaps = [(iou(result["bbox"], t), t) for t in free]
        good = [(overlap, t) for overlap, t in overlaps if overlap >= threshold]
        counting = [(overlap, t) for overlap, t in good if not ignored(t, area)]
        if good:
            _, match = max(counting or good, key=lambda pair: pair[0])
            if not match["iscrowd"]:
                free.remove(match)
            if not ignored(match, area):
                yield result["score"], True
        elif in_range(result["bbox"][2] * result["bbox"][3], area):
            yield result["score"], False


def average_precision(is_true: list[bool], num_objects: int) -> dict[str, float]:
    points, hits = [(0.0, 0.0)], 0
    for rank, right in enumerate(is_true, 1):
        hits += right
        points.append((hits / num_objects, hits / rank))
    heights = [max((p for r, p in points if r >= step), default=0.0) for step in RECALLS]
    return {"precision": sum(heights) / len(RECALLS), "recall": hits / num_objects}


def ignored(truth: Json, area: str) -> bool:
    return bool(truth["iscrowd"]) or not in_range(truth["area"], area)


def in_range(value: float, area: str) -> bool:
    low, high = AREAS[area]
    return low <= value <= high


def iou(box: list[float], truth: Json) -> float:
    """Return the overlap; with a crowd, the share of the box that is in it."""
    x, y, w, h = box
    tx, ty, tw, th = map(float, truth["bbox"])
    width = max(0.0, min(x + w, tx + tw) - max(x, tx))
    height = max(0.0, min(y + h, ty + th) - max(y, ty))
    common = width * height
    return common / (w * h if truth["iscrowd"] else w * h + tw * th - common)


def mean(found: Any, what: str) -> float | None:
    values = [curve[what] for curve in found]
    return 100 * sum(values) / len(values) if values else None
