"""Other passes of detectors, and what was found held against other annotations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.transforms import Resize
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.causes import Cause, Family, Hypothesis, fitted_classes, renamed
from hrnet_zoo.tasks.counterfactuals import hypothesis, of_resizes
from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
from hrnet_zoo.tasks.detection.matching import match_image
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.probe import Probe

Annotations = Sequence[Mapping[str, Any]]

_KNOWN_THRESHOLDS = (0.0, 0.05, 0.3, 0.5)
"""Of scores: none, that of evaluations, and those of demos."""
_SAME_PLACE = 0.5
"""IoU from which a detection is of an object, whatever its class."""
_NAMED = 3


def hypotheses(probe: Probe) -> Iterator[Hypothesis]:
    """Yield the causes that detectors alone have."""
    yield _of_categories(probe)
    yield from _of_crowds(probe)
    yield from _of_thresholds(probe)
    yield from of_resizes(probe, _resizing)


def _resizing(resize: Resize) -> Callable[[DetectionEvaluator], DetectionEvaluator]:
    def change(usual: DetectionEvaluator) -> DetectionEvaluator:
        return replace(usual, protocol=replace(usual.protocol, resize=resize))

    return change


def _of_thresholds(probe: Probe) -> Iterator[Hypothesis]:
    test = probe.setup.test
    for threshold in _KNOWN_THRESHOLDS:
        if threshold != test.score_threshold:
            other = test.model_copy(update={"score_threshold": threshold})
            setup = probe.setup.model_copy(update={"test": other})
            yield hypothesis(probe, "scores", f"scores above {threshold:g}", setup=setup)


def _of_crowds(probe: Probe) -> Iterator[Hypothesis]:
    """Yield what was found, held against annotations whose crowds are none, or are others."""
    listed = [a for i in probe.indices for a in probe.samples.images[i].annotations]
    if any(a["iscrowd"] for a in listed):
        without_flag = _held_against(probe, lambda a: {**a, "iscrowd": 0})
        yield _free("crowds", "crowds taken for single objects", without_flag)
        left_out = _held_against(probe, lambda a: None if a["iscrowd"] else a)
        yield _free("crowds", "crowds left out", left_out)
    # COCO writes crowds, and nothing else, as run lengths.
    coded = [_is_coded(a) and not a["iscrowd"] for a in listed]
    if any(coded) and not all(coded):
        flagged = _held_against(probe, lambda a: {**a, "iscrowd": 1} if _is_coded(a) else a)
        yield _free("crowds", "masks in run lengths taken for crowds", flagged)


def _is_coded(annotation: Mapping[str, Any]) -> bool:
    return isinstance(annotation.get("segmentation"), dict)


def _free(family: Family, change: str, reweighted: Callable[[], Reweighted]) -> Hypothesis:
    return Hypothesis(cause=Cause(family=family, change=change), reweighted=reweighted)


def _held_against(
    probe: Probe, other: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> Callable[[], Reweighted]:
    """Return what holds the usual detections against other annotations; None leaves one out."""

    def annotations(index: int) -> Annotations:
        changed = map(other, probe.samples.images[index].annotations)
        return [annotation for annotation in changed if annotation is not None]

    return lambda: _matched(probe, [r.counted[SINGLE] for r in probe.usual], annotations)


def _matched(
    probe: Probe,
    found: Sequence[ImageDetections],
    annotations: Callable[[int], Annotations],
) -> Reweighted:
    """Return the metric of detections held against annotations by the indices of images."""
    ids, kind, results = probe.samples.category_ids, probe.metric.kind, []
    for index, result, each in zip(probe.indices, probe.usual, found, strict=True):
        image = probe.samples.images[index]
        matches = match_image(image.id, image.size, annotations(index), each, ids, kind)
        results.append(replace(result, counted={probe.metric.evidence: matches}))
    return probe.reweighted(results)


def _of_categories(probe: Probe) -> Hypothesis:
    """Return the detections with their classes renamed as they agree best with annotations."""

    def meetings_of(places: NDArray[np.intp]) -> NDArray[np.float64]:
        pairs = [(probe.indices[place], probe.usual[place]) for place in places.tolist()]
        meetings = [_meetings(probe, index, result) for index, result in pairs]
        return np.asarray(np.sum(meetings, axis=0))

    folds, fitted = fitted_classes(len(probe.indices), meetings_of)
    names = DATASETS[probe.setup.dataset].classes.names
    said = and_more([*renamed(fitted, names)], _NAMED)

    def without() -> Reweighted:
        ids = probe.samples.category_ids
        fold_of = dict(zip(probe.indices, folds, strict=True))

        def annotations(index: int) -> Annotations:
            fold, listed = fold_of[index], probe.samples.images[index].annotations
            classes = [int(fold[ids.index(a["category_id"])]) for a in listed]
            return [
                {**a, "category_id": ids[k]} for a, k in zip(listed, classes, strict=True) if k >= 0
            ]

        return _matched(probe, [r.counted[SINGLE] for r in probe.usual], annotations)

    change = f"categories renamed as they agree best ({said or 'as they are'})"
    return Hypothesis(cause=Cause(family="labels", change=change), reweighted=without)


def _meetings(probe: Probe, index: int, result: ImageResult) -> NDArray[np.float64]:
    """Return how sure the detector was of each class where each category is, [K, K]."""
    ids, found = probe.samples.category_ids, result.counted[SINGLE]
    meetings = np.zeros((len(ids), len(ids)))
    objects = [a for a in probe.samples.images[index].annotations if not a["iscrowd"]]
    if not objects or not len(found.scores):
        return meetings
    boxes = found.boxes.astype(np.float64)
    boxes[:, 2:] -= boxes[:, :2]
    truth = [list(a["bbox"]) for a in objects]
    ious = np.asarray(coco_masks.iou(boxes, truth, [0] * len(truth)))
    for object_, overlaps in zip(objects, ious.T, strict=True):
        there = overlaps >= _SAME_PLACE
        label = ids.index(object_["category_id"])
        np.add.at(meetings[label], found.labels[there], found.scores[there])
    return meetings
