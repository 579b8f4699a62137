"""How often labels met predictions: kept small for every image, added up, scored and reweighted.

Counts are [num_classes + 1, num_classes] int64, by label and prediction. Their last row is of
pixels whose label is neither a class nor ignored: upstream keeps them in the union of the class
predicted there. Nothing here needs torch, so that records can be compared where there is none;
counting pixels is `counting.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.system.inflating import deflated, inflated
from hrnet_zoo.tasks.jackknife import Reweighted

_MAX_CLASSES = 255
"""Labels are bytes, and 255 is not one."""
_LARGEST = 2 * 4 * (_MAX_CLASSES + 1) * _MAX_CLASSES
"""Bytes of positions and counts of all cells."""
_PLANES = ("intersection", "labelled", "union")


@dataclass(frozen=True, kw_only=True)
class SegmentationScores:
    """Scores over a set of images, in percent; None where a ratio is 0/0."""

    miou: float | None
    """Mean IoU over the classes that were labelled or predicted."""
    macc: float | None
    """Mean accuracy over the classes that were labelled."""
    aacc: float | None
    """Share of the pixels labelled with a class that were predicted as that class."""
    iou: tuple[float | None, ...]
    """Per class: intersection over union; None if neither labelled nor predicted."""
    accuracy: tuple[float | None, ...]
    """Per class: share of its pixels that were found; None if never labelled."""

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> SegmentationScores:
        """Return the scores of all images counted.

        Source:
            mmsegmentation 0.20.2, mmseg/core/evaluation/metrics.py, total_area_to_metrics.
            Differs: counts are exact integers; upstream's float32 sums move mIoU by about 1e-5
            points over 500 large images.
        """
        intersection, labelled, union = areas_of(counts)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou, accuracy = intersection / union, intersection / labelled
            aacc = intersection.sum() / labelled.sum()
        return cls(
            miou=_percent(iou[~np.isnan(iou)].mean() if union.any() else np.nan),
            macc=_percent(accuracy[~np.isnan(accuracy)].mean() if labelled.any() else np.nan),
            aacc=_percent(aacc),
            iou=tuple(map(_percent, iou)),
            accuracy=tuple(map(_percent, accuracy)),
        )


def areas_of(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return intersection, labelled and union of every class, [3, K] pixels."""
    intersection, labelled = np.diagonal(counts), counts[:-1].sum(axis=1)
    union = labelled + counts.sum(axis=0) - intersection
    return np.stack([intersection, labelled, union]).astype(np.float64)


def _percent(ratio: float) -> float | None:
    return None if np.isnan(ratio) else float(100 * ratio)


@dataclass(frozen=True, kw_only=True)
class SparseCounts:
    """The entries of one image's counts that are not zero."""

    num_classes: int
    cells: NDArray[np.int32]
    """[M] positions in the flattened [num_classes + 1, num_classes] counts, ascending."""
    pixels: NDArray[np.int32]
    """[M] how many pixels each of them has."""

    @classmethod
    def of(cls, counts: NDArray[np.int64]) -> SparseCounts:
        """Return the sparse form of counts [num_classes + 1, num_classes]."""
        flat = counts.ravel()
        cells = np.flatnonzero(flat)
        return cls(
            num_classes=counts.shape[1],
            cells=cells.astype(np.int32),
            pixels=flat[cells].astype(np.int32),
        )

    def dense(self) -> NDArray[np.int64]:
        """Return the counts [num_classes + 1, num_classes] int64."""
        return total([self], self.num_classes)

    def to_text(self) -> str:
        """Return the counts as compact text."""
        numbers = np.concatenate([np.diff(self.cells, prepend=0), self.pixels]).astype("<i4")
        packed = deflated(numbers.tobytes())
        return f"{self.num_classes} {packed}"

    @classmethod
    def from_text(cls, text: str) -> SparseCounts:
        """Return the counts that `to_text` wrote.

        Raises:
            ValueError: it is not such a text.
        """
        number, _, packed = text.partition(" ")
        num_classes = int(number)
        numbers = np.frombuffer(inflated(packed, _LARGEST), "<i4").astype(np.int32)
        steps, pixels = numbers[: numbers.size // 2], numbers[numbers.size // 2 :]
        cells = np.cumsum(steps, dtype=np.int32)
        in_range = 0 < num_classes <= _MAX_CLASSES and (
            not cells.size or 0 <= cells.min() <= cells.max() < (num_classes + 1) * num_classes
        )
        if len(steps) != len(pixels) or not in_range:
            msg = "these are not counts of so many classes"
            raise ValueError(msg)
        return cls(num_classes=num_classes, cells=cells, pixels=pixels)


def total(images: Sequence[SparseCounts], num_classes: int) -> NDArray[np.int64]:
    """Return the counts of all images together.

    Raises:
        ValueError: an image has another number of classes.
    """
    if any(image.num_classes != num_classes for image in images):
        msg = f"an image has counts of other than {num_classes} classes"
        raise ValueError(msg)
    counts = np.zeros((num_classes + 1) * num_classes, np.int64)
    for image in images:
        counts[image.cells] += image.pixels
    return counts.reshape(num_classes + 1, num_classes)


class ReweightedScores:
    """Scores of images that count several times or not at all, an array [D] each, in percent.

    The names are those of `SegmentationScores`, so that a metric reads itself off either.
    """

    def __init__(self, weights: NDArray[np.float64], areas: NDArray[np.float64]) -> None:
        """Take what images add up to.

        Args:
            weights: [D, N] how often each image counts.
            areas: intersection, labelled and union of every class, [3, N, K].
        """
        self._weights = weights
        self._areas = areas

    def _sums(self, plane: str) -> NDArray[np.float64]:
        """Return what the images add up to, [D, K]; only what is asked for is added."""
        summed: NDArray[np.float64] = self._weights @ self._areas[_PLANES.index(plane)]
        return summed

    @property
    def miou(self) -> NDArray[np.float64]:
        """Return mean IoU over the classes that were labelled or predicted; NaN if none was."""
        return self._mean_share_of("union")

    @property
    def macc(self) -> NDArray[np.float64]:
        """Return mean accuracy over the classes that were labelled; NaN if none was."""
        return self._mean_share_of("labelled")

    @property
    def aacc(self) -> NDArray[np.float64]:
        """Return the share of labelled pixels that were predicted as their class."""
        found, labelled = self._sums("intersection"), self._sums("labelled")
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = 100 * found.sum(axis=1) / labelled.sum(axis=1)
        return share

    def _mean_share_of(self, plane: str) -> NDArray[np.float64]:
        """Return the mean over the classes of which there is something."""
        part, whole = self._sums("intersection"), self._sums(plane)
        seen = whole > 0
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(seen, part / whole, 0)
            mean: NDArray[np.float64] = 100 * shares.sum(axis=1) / seen.sum(axis=1)
        return mean


ValueOf = Callable[[ReweightedScores], NDArray[np.float64]]
"""From the scores of D draws to one of them, [D]."""


def reweighted(
    images: Sequence[SparseCounts],
    value_of: ValueOf,
    without: Sequence[int] | NDArray[np.intp] = (),
) -> Reweighted:
    """Return what computes a score over images that count several times or not at all.

    Args:
        images: at least one.
        value_of: from all scores to the one that is wanted.
        without: classes that are left out.
    """
    # Planes in one piece each, or every product would copy them anew.
    areas = np.empty((len(_PLANES), len(images), images[0].num_classes))
    for n, image in enumerate(images):
        areas[:, n] = areas_of(image.dense())
    if len(without):
        areas = np.delete(areas, without, axis=2)
    return lambda weights: value_of(ReweightedScores(weights, areas))


def unlabelled(images: Sequence[SparseCounts], num_classes: int) -> NDArray[np.intp]:
    """Return the classes of which no image has a labelled pixel, ascending."""
    return np.flatnonzero(total(images, num_classes)[:-1].sum(axis=1) == 0)
