"""What ranked classes tell without a network: other labels, other definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.causes import Cause, Hypothesis, fitted_classes, renamed
from hrnet_zoo.tasks.classification.metrics import METRICS, TopK
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.classification.top_k import Ranking, reweighted
from hrnet_zoo.tasks.jackknife import Reweighted

_NAMED = 3


def relabelled(
    setup: ClassificationSetup, metric: TopK, counted: Sequence[Ranking]
) -> Iterator[Hypothesis]:
    """Yield the causes that the rankings of images can be freed from.

    Args:
        setup: of the row.
        metric: one of the task's.
        counted: of each image.
    """

    def of_labels(change: str, labels: Sequence[int]) -> Hypothesis:
        def without() -> Reweighted:
            pairs = zip(counted, labels, strict=True)
            return reweighted([replace(each, label=label) for each, label in pairs], metric.k)

        return Hypothesis(cause=Cause(family="labels", change=change), reweighted=without)

    # Folders are numbered in their order, and with one more in front all classes move.
    for change, step in (("classes lowered by one", -1), ("classes raised by one", 1)):
        yield of_labels(change, [each.label + step for each in counted])
    folds, fitted = fitted_classes(len(counted), partial(_meetings, setup.num_classes, counted))
    said = and_more([*renamed(fitted, DATASETS[setup.dataset].classes.names)], _NAMED)
    yield of_labels(
        f"classes renamed as they agree best ({said or 'as they are'})",
        [int(fold[each.label]) for fold, each in zip(folds, counted, strict=True)],
    )
    for k in {metric.k for metric in METRICS if isinstance(metric, TopK)} - {metric.k}:
        if k <= setup.num_classes:
            cause = Cause(family="definition", change=f"top-{k} instead of top-{metric.k}")
            yield Hypothesis(cause=cause, reweighted=partial(reweighted, counted, k))


def _meetings(
    num_classes: int, counted: Sequence[Ranking], places: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return how often each class was ranked best in some images of each label, [K, K]."""
    meetings = np.zeros((num_classes, num_classes))
    for each in (counted[place] for place in places.tolist()):
        meetings[each.label, each.best[:1]] += 1
    return meetings
