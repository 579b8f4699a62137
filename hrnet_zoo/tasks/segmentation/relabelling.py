"""What the counts of label images tell without a network: other labels, other definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.label_images import IGNORED, LabelImages
from hrnet_zoo.datasets.label_samples import INVALID, LabelSamples, stored_values
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.causes import Cause, Fact, Hypothesis, fitted_classes, renamed
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.segmentation.confusion import (
    SegmentationScores,
    SparseCounts,
    areas_of,
    reweighted,
    total,
)
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup

_NAMED = 3


def relabelled(
    setup: SegmentationSetup, metric: Metric, counted: Sequence[SparseCounts]
) -> Iterator[Hypothesis]:
    """Yield the causes that counts of images can be freed from.

    Args:
        setup: of the row.
        metric: one of the task's.
        counted: of each image.
    """
    assert metric.value_of is not None
    value_of, num_classes = metric.value_of, setup.num_classes

    def of_labels(change: str, new_labels: Sequence[NDArray[np.intp]]) -> Hypothesis:
        def without() -> Reweighted:
            pairs = zip(counted, new_labels, strict=True)
            return reweighted([_relabelled(image, new) for image, new in pairs], value_of)

        return Hypothesis(cause=Cause(family="labels", change=change), reweighted=without)

    # The last label is no class: what is stored as the number of classes is there, too.
    lowered = np.arange(-1, num_classes)
    raised = np.minimum(np.arange(1, num_classes + 2), num_classes)
    every = [lowered] * len(counted)
    yield of_labels("labels lowered by one, 0 ignored (reduce_zero_label)", every)
    yield of_labels("labels raised by one (reduce_zero_label undone)", [raised] * len(counted))
    folds, fitted = fitted_classes(
        len(counted),
        lambda places: total([counted[i] for i in places], num_classes).astype(np.float64),
    )
    said = and_more([*renamed(fitted, DATASETS[setup.dataset].classes.names)], _NAMED)
    change = f"classes renamed as they agree best ({said or 'as they are'})"
    yield of_labels(change, [np.where(fold < 0, num_classes, fold) for fold in folds])
    if metric.name.startswith("miou"):
        yield from _definitions(counted)


def _relabelled(image: SparseCounts, new_labels: NDArray[np.intp]) -> SparseCounts:
    """Return the counts of an image whose labels [K + 1] are others; -1 is ignored."""
    counts = image.dense()
    found = np.zeros_like(counts)
    kept = new_labels >= 0
    np.add.at(found, new_labels[kept], counts[kept])
    return SparseCounts.of(found)


def _definitions(counted: Sequence[SparseCounts]) -> Iterator[Hypothesis]:
    """Yield other definitions of the mean IoU than upstream's, from the same counts."""
    of_images = [SegmentationScores.of(image.dense()).miou for image in counted]
    known = np.array([value is not None for value in of_images], np.float64)
    values = np.array([value or 0.0 for value in of_images])
    areas = np.stack([areas_of(image.dense()) for image in counted], axis=1)

    def mean_of_images(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            mean: NDArray[np.float64] = (weights @ values) / (weights @ known)
        return mean

    def absent_is_zero(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        intersection, _, union = (weights @ plane for plane in areas)
        iou = np.divide(intersection, union, out=np.zeros_like(union), where=union > 0)
        mean: NDArray[np.float64] = 100 * iou.mean(axis=1)
        return mean

    for change, computed in (
        ("mean over images of each image's mean IoU", mean_of_images),
        ("classes without a pixel count as IoU 0", absent_is_zero),
    ):
        cause = Cause(family="definition", change=change)
        yield Hypothesis(cause=cause, reweighted=partial(_given, computed))


def _given(computed: Reweighted) -> Reweighted:
    return computed


def tolerant(samples: LabelSamples) -> LabelSamples:
    """Return samples that count stored values without a class as upstream does, in no class."""

    def table(known: bytes) -> bytes:
        return bytes(v if label == INVALID else label for v, label in enumerate(known))

    return replace(samples, images=[replace(p, table=table(p.table)) for p in samples.images])


def _are_known(stored: Sequence[int], table: bytes, num_classes: int) -> bool:
    """Whether all stored values stand for a class or are ignored."""
    return all(table[value] < num_classes or table[value] == IGNORED for value in stored)


def label_facts(
    setup: SegmentationSetup, samples: LabelSamples, indices: Sequence[int]
) -> Iterator[Fact]:
    """Yield what the values in label files say; no network is needed.

    Args:
        setup: of the row.
        samples: as opened.
        indices: of the images whose labels are read.
    """
    stored = stored_values(samples, indices)
    table, num_classes = samples.images[indices[0]].table, setup.num_classes
    if not _are_known(stored, table, num_classes):
        valid = [value for value in range(256) if _are_known([value], table, num_classes)]
        says = f"labels hold {_span(stored)}, expected {_span(valid)}"
        yield Fact(says=says, is_cause=True)


def label_tables(
    setup: SegmentationSetup, samples: LabelSamples, indices: Sequence[int]
) -> Iterator[tuple[str, bytes]]:
    """Yield other ways to read label files that hold values without a class, in words and tables.

    Args:
        setup: of the row.
        samples: as opened.
        indices: of images whose labels are read.
    """
    stored = stored_values(samples, indices)
    data_set = of_kind(LabelImages)[setup.dataset]
    own = samples.images[indices[0]].table
    if _are_known(stored, own, setup.num_classes):
        return
    for kind in data_set.labels:
        table = data_set.table(kind)
        if table != own and _are_known(stored, table, setup.num_classes):
            yield f"read as *{kind.suffix}", table
    ids = [value for value in stored if value != IGNORED]
    if len(ids) == setup.num_classes:
        labels = {value: label for label, value in enumerate(ids)} | {IGNORED: IGNORED}
        yield (
            f"the ids {_span(ids)} numbered from 0 in their order",
            bytes(labels.get(value, INVALID) for value in range(256)),
        )


def _span(values: Sequence[int]) -> str:
    """Write 0, 1, 2, 255 as "0..2, 255"."""
    runs = np.split(np.array(values), np.flatnonzero(np.diff(values) > 1) + 1)
    return ", ".join(f"{run[0]}..{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
