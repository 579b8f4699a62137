"""COCO's figures from what was matched in each image, for the images as they are or reweighted.

The arithmetic is pycocotools' own, so the figures are equal to its figures; only what cannot matter
is left out. It needs no annotations, and AP of a hundred samples of the images takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.detection.coco_ap import (
    OVERALL_MAX_DETS,
    PROTOCOLS,
    CocoFigures,
    Curves,
    ProtocolName,
    figures_of_curves,
)
from hrnet_zoo.tasks.detection.matches import NUM_AREAS, NUM_THRESHOLDS, Matches, places_in_runs
from hrnet_zoo.tasks.jackknife import Reweighted

_RECALLS = np.linspace(0, 1, 101)
_DRAWS_AT_ONCE = 50
"""Bounds the memory: every detection of a category has a weight in each draw."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Category:
    """The detections of one category in all images, in the order in which COCO ranks them."""

    image: NDArray[np.int64]
    """[n], which image each is in."""
    place: NDArray[np.int64]
    """[n], how many better ones of the category its image has."""
    matched: NDArray[np.bool_]
    """[n, 4, 10]."""
    ignored: NDArray[np.bool_]
    """[n, 4, 10]."""
    objects: NDArray[np.int64]
    """[N images, 4]."""


def figures_of(
    matches: Sequence[Matches], num_categories: int, protocol: ProtocolName
) -> CocoFigures:
    """Return the figures that the matches of all images add up to; categories by place, from 0.

    Args:
        matches: of one kind, in any order.
        num_categories: K.
        protocol: one of `PROTOCOLS`.

    Raises:
        ValueError: an image has another number of categories, or occurs twice.

    Source:
        pycocotools 2.0.11, cocoeval.py, COCOeval.accumulate.
    """
    if len({each.image_id for each in matches}) < len(matches):
        msg = "an image occurs twice"
        raise ValueError(msg)
    limits = PROTOCOLS[protocol]
    shape = (num_categories, NUM_AREAS, len(limits))
    recall = np.full((NUM_THRESHOLDS, *shape), -1.0)
    precision = np.full((NUM_THRESHOLDS, len(_RECALLS), *shape), -1.0)
    once = np.ones((1, len(matches)))
    for k, category in enumerate(_categories(matches, num_categories)):
        most = category.place.max(initial=0) + 1
        for a in np.flatnonzero(category.objects.any(axis=0)).tolist():
            for m, limit in enumerate(limits):
                if m and limits[m - 1] >= most:  # no image has more than were taken before
                    precision[:, :, k, a, m] = precision[:, :, k, a, m - 1]
                    recall[:, k, a, m] = recall[:, k, a, m - 1]
                    continue
                for t, (curves, ends) in enumerate(_curves(category, a, limit, once)):
                    precision[t, :, k, a, m], recall[t, k, a, m] = curves[0], ends[0]
    return figures_of_curves(
        Curves(precision=precision, recall=recall), range(num_categories), limits
    )


def reweighted_ap(matches: Sequence[Matches], num_categories: int) -> Reweighted:
    """Return what computes the overall AP, percent, over images that count 0, 1, 2 ... times.

    Args:
        matches: of one kind, in any order; one image may occur several times.
        num_categories: K.

    Raises:
        ValueError: an image has another number of categories.
    """
    categories = list(_categories(matches, num_categories))

    def ap(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        starts = range(0, len(weights), _DRAWS_AT_ONCE)
        parts = (weights[i : i + _DRAWS_AT_ONCE] for i in starts)
        return np.concatenate([np.zeros(0), *(_ap_of_draws(categories, part) for part in parts)])

    return ap


def _ap_of_draws(
    categories: Sequence[_Category], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return AP [D] for weights [D, N]: the mean over the categories that a draw has objects of."""
    total, count = np.zeros(len(weights)), np.zeros(len(weights))
    for category in categories:
        shown = weights @ category.objects[:, 0] > 0
        per_threshold = _curves(category, 0, OVERALL_MAX_DETS, weights[shown])
        total[shown] += np.mean([curves.mean(axis=1) for curves, _ in per_threshold], axis=0)
        count += shown
    with np.errstate(invalid="ignore"):
        return 100 * total / count


def _categories(matches: Sequence[Matches], num_categories: int) -> Iterator[_Category]:
    """Yield what was found of each category, from 0 to K - 1."""
    if any(len(each.objects) != num_categories for each in matches):
        msg = f"an image has matches of other than {num_categories} categories"
        raise ValueError(msg)
    if not matches:
        return
    objects = np.stack([each.objects for each in matches])
    # pycocotools goes through the images by id, which decides between equal scores.
    by_id = np.argsort([each.image_id for each in matches], kind="stable")
    images = [matches[i] for i in by_id]
    image = np.repeat(by_id, [len(each.scores) for each in images])
    label = np.concatenate([each.categories for each in images])
    place = np.concatenate([places_in_runs(each.categories) for each in images])
    score = np.concatenate([each.scores for each in images])
    matched = np.concatenate([each.matched for each in images])
    ignored = np.concatenate([each.ignored for each in images])
    ranked = np.lexsort((-score, label))
    ends = np.searchsorted(label[ranked], range(num_categories + 1))
    for k in range(num_categories):
        own = ranked[ends[k] : ends[k + 1]]
        yield _Category(
            image=image[own],
            place=place[own],
            matched=matched[own],
            ignored=ignored[own],
            objects=objects[:, k],
        )


def _curves(
    category: _Category, area: int, limit: int, weights: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield for each IoU threshold the precision at 101 recalls and the last recall.

    Precision falls wherever a detection is wrong, so its envelope is told by those that are right.

    Args:
        category: its detections.
        area: place among the ranges of areas.
        limit: how many of an image's detections count, the best ones.
        weights: [D draws, N images]; each draw has an object of the category.

    Yields:
        [D, 101] and [D].
    """
    kept = category.place < limit
    num_objects = weights @ category.objects[:, area]
    times = weights[:, category.image[kept]]
    matched, ignored = category.matched[kept, area], category.ignored[kept, area]
    for t in range(NUM_THRESHOLDS):
        counted = ~ignored[:, t]
        right = np.flatnonzero(matched[:, t] & counted)
        num_right = times[:, right].cumsum(axis=1)
        num_seen = (times * counted).cumsum(axis=1)[:, right]
        # pycocotools adds the least float, too: the first that is right has less than 1.
        precision = num_right / (num_seen + np.spacing(1))
        recall = num_right / num_objects[:, None]
        envelope = np.zeros((len(weights), len(right) + 1))
        envelope[:, :-1] = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.array([row.searchsorted(_RECALLS) for row in recall], int)
        yield (
            np.take_along_axis(envelope, reached.reshape(-1, len(_RECALLS)), axis=1),
            recall[:, -1] if len(right) else np.zeros(len(weights)),
        )
