"""COCO's twelve figures of boxes or masks, by pycocotools, which is the reference.

It takes plain dicts in COCO's form; it knows neither models nor data sets.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.detection.metrics import Kind

Entry = Mapping[str, Any]

MAX_DETS = (100, 300, 1000)
"""Best detections per image and category that count: AP takes the first, most others the last."""

_IOU_50, _IOU_75 = 0, 5  # places among the thresholds .50, .55 ... .95
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)  # places among the ranges of areas


@dataclass(frozen=True, kw_only=True)
class CocoFigures:
    """COCO's twelve figures, in percent; None where there is nothing to find."""

    ap: float | None
    """Mean over IoU thresholds .50 to .95 and categories."""
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    """Of objects below 32 x 32 pixels."""
    ap_medium: float | None
    ap_large: float | None
    """Of objects above 96 x 96 pixels."""
    ar_100: float | None
    """Recall with at most 100 detections per image and category."""
    ar_300: float | None
    ar_1000: float | None
    ar_small: float | None
    ar_medium: float | None
    ar_large: float | None
    per_category: Mapping[int, float | None]
    """Category id -> AP; None where no image evaluated shows one."""


FIGURES = (
    "ap",
    "ap50",
    "ap75",
    "ap_small",
    "ap_medium",
    "ap_large",
    "ar_100",
    "ar_300",
    "ar_1000",
    "ar_small",
    "ar_medium",
    "ar_large",
)
"""Names of the twelve, in pycocotools' order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """What an evaluator accumulated; -1 where there is nothing to find."""

    precision: NDArray[np.float64]
    """[10 IoU thresholds, 101 recalls, K categories, 4 areas, 3 numbers of detections]."""
    recall: NDArray[np.float64]
    """[10 IoU thresholds, K categories, 4 areas, 3 numbers of detections]."""


def coco_figures(
    ground_truth: Entry, results: Sequence[Entry], kind: Kind, *, image_ids: Sequence[int]
) -> CocoFigures:
    """Return the figures that pycocotools gives for some images; the inputs are left as they are.

    Results that have boxes are sorted into small, medium and large by these, also for masks; only
    entries without "bbox" are sorted by the areas of their masks. Upstream did the former when the
    documented numbers were measured; the overall AP does not depend on it.

    Args:
        ground_truth: an instances file as parsed.
        results: entries with image_id, category_id, score, and bbox or segmentation.
        kind: boxes or masks; masks must be in the entries.
        image_ids: images to evaluate, with and without annotations.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval; mmdetection 2.3.0, mmdet/datasets/coco.py,
        evaluate, which sets maxDets to 100, 300 and 1000.
    """
    truth, entries = copied(*selected(ground_truth, results, image_ids))
    coco = importlib.import_module("pycocotools.coco")
    cocoeval = importlib.import_module("pycocotools.cocoeval")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints progress that nobody asked for
        reference = _indexed(coco, truth)
        # Its own loader fails on an empty list.
        found = (
            reference.loadRes(entries) if entries else _indexed(coco, truth | {"annotations": []})
        )
        curves = accumulate(cocoeval.COCOeval(reference, found, kind))
    return figures_of(curves, category_ids(ground_truth))


def selected(
    ground_truth: Entry, results: Sequence[Entry], image_ids: Sequence[int]
) -> tuple[dict[str, Any], list[Entry]]:
    """Return an instances file with some images only, and the results on them in their order.

    The annotations and results in it are the given ones, not copies.
    """
    wanted = set(image_ids)
    truth = {
        "images": [image for image in ground_truth["images"] if image["id"] in wanted],
        "annotations": [a for a in ground_truth["annotations"] if a["image_id"] in wanted],
        "categories": ground_truth["categories"],
    }
    return truth, [entry for entry in results if entry["image_id"] in wanted]


def copied(
    truth: dict[str, Any], entries: Sequence[Entry]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return copies for those evaluators that write into what they get."""
    annotations = [dict(annotation) for annotation in truth["annotations"]]
    return truth | {"annotations": annotations}, [dict(entry) for entry in entries]


def accumulate(evaluator: Any) -> Curves:  # noqa: ANN401 - a COCOeval of any library; none is typed
    """Run an evaluator made by pycocotools, or by a library that has its interface."""
    evaluator.params.maxDets = list(MAX_DETS)
    evaluator.evaluate()
    evaluator.accumulate()
    return Curves(
        precision=np.asarray(evaluator.eval["precision"]),
        recall=np.asarray(evaluator.eval["recall"]),
    )


def figures_of(curves: Curves, categories: Sequence[int]) -> CocoFigures:
    """Return the figures that an evaluator's curves amount to.

    They are summed up here, and not by the evaluators, because those disagree about which number
    of detections the overall AP takes.

    Args:
        curves: over the categories in ascending order of their ids.
        categories: these ids.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval.summarize; per category: mmdetection 2.3.0,
        mmdet/datasets/coco.py, evaluate with classwise.
    """
    precision, recall = curves.precision, curves.recall
    return CocoFigures(
        ap=_mean(precision[..., _ALL, 0]),
        ap50=_mean(precision[_IOU_50, ..., _ALL, -1]),
        ap75=_mean(precision[_IOU_75, ..., _ALL, -1]),
        ap_small=_mean(precision[..., _SMALL, -1]),
        ap_medium=_mean(precision[..., _MEDIUM, -1]),
        ap_large=_mean(precision[..., _LARGE, -1]),
        ar_100=_mean(recall[..., _ALL, 0]),
        ar_300=_mean(recall[..., _ALL, 1]),
        ar_1000=_mean(recall[..., _ALL, 2]),
        ar_small=_mean(recall[..., _SMALL, -1]),
        ar_medium=_mean(recall[..., _MEDIUM, -1]),
        ar_large=_mean(recall[..., _LARGE, -1]),
        per_category={
            category: _mean(precision[:, :, place, _ALL, -1])
            for place, category in enumerate(categories)
        },
    )


def category_ids(ground_truth: Entry) -> list[int]:
    """Return the ids of all categories, ascending, as evaluators order them."""
    return sorted(category["id"] for category in ground_truth["categories"])


def _indexed(coco: Any, truth: dict[str, Any]) -> Any:  # noqa: ANN401 - pycocotools is not typed
    indexed = coco.COCO()
    indexed.dataset = truth
    indexed.createIndex()
    return indexed


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(100 * known.mean()) if known.size else None
