"""The confusion matrix of semantic segmentation, and the scores read off it.

It knows neither models nor data sets. Scores are read off without torch, so that records can be
compared where there is none; counting pixels is `counting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class SegmentationScores:
    """Scores over a whole data set, in percent; None where a ratio is 0/0."""

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


class ConfusionMatrix:
    """Pixel counts by label and prediction: grows by images, merges with others.

    ``counts[label, prediction]`` is int64. Its last row counts pixels whose label is neither a
    class nor ignored: upstream keeps them in the union of the class predicted there.
    """

    def __init__(self, num_classes: int, counts: NDArray[np.int64] | None = None) -> None:
        """Start empty, or from ``counts`` [num_classes + 1, num_classes]."""
        shape = (num_classes + 1, num_classes)
        if counts is not None and counts.shape != shape:
            msg = f"counts must have the shape {shape}, not {counts.shape}"
            raise ValueError(msg)
        self.num_classes = num_classes
        self.counts = np.zeros(shape, np.int64) if counts is None else counts

    def add(
        self, prediction: NDArray[np.uint8] | Tensor, label: NDArray[np.uint8] | Tensor
    ) -> None:
        """Count one image.

        Args:
            prediction: [H, W] uint8, values 0 to num_classes - 1; array or tensor.
            label: [H, W] uint8 of the same kind, on the same device; 255 is ignored.
        """
        from hrnet_zoo.tasks.segmentation.counting import count_pairs  # noqa: PLC0415 - imports torch

        self.counts += count_pairs(prediction, label, self.num_classes)

    def merge(self, other: ConfusionMatrix) -> ConfusionMatrix:
        """Return the matrix of both sets of images together."""
        return ConfusionMatrix(self.num_classes, self.counts + other.counts)

    def scores(self) -> SegmentationScores:
        """Return the scores of all images counted so far.

        Source:
            mmsegmentation 0.20.2, mmseg/core/evaluation/metrics.py, total_area_to_metrics.
            Differs: counts are exact integers; upstream's float32 sums move mIoU by about 1e-5
            points over 500 large images.
        """
        intersection = np.diagonal(self.counts).astype(np.float64)
        labelled = self.counts[:-1].sum(axis=1).astype(np.float64)
        predicted = self.counts.sum(axis=0).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = intersection / (labelled + predicted - intersection)
            accuracy = intersection / labelled
            aacc = intersection.sum() / labelled.sum()
        return SegmentationScores(
            miou=_mean(iou),
            macc=_mean(accuracy),
            aacc=None if np.isnan(aacc) else float(100 * aacc),
            iou=_percent(iou),
            accuracy=_percent(accuracy),
        )


def _mean(ratios: NDArray[np.float64]) -> float | None:
    """Return the mean in percent over the classes that have a value; None if none has."""
    known = ratios[~np.isnan(ratios)]
    return float(100 * known.mean()) if known.size else None


def _percent(ratios: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(ratio) else float(100 * ratio) for ratio in ratios)


class ResampledScores:
    """Scores of sets of images drawn again and again, an array [D, R] each, in percent.

    D draws are made alike of R runs over the same images. The names are those of
    `SegmentationScores`, so that a metric reads itself off either.
    """

    def __init__(
        self, draws: NDArray[np.float64], planes: Mapping[str, NDArray[np.float64]]
    ) -> None:
        """Take what images of several runs add up to.

        Args:
            draws: [D, N] how often each draw has each image.
            planes: "intersection", "labelled" and "union" of every class, each [N, R, K].
        """
        self._draws = draws
        self._planes = planes

    def _sums(self, plane: str) -> NDArray[np.float64]:
        """Return what the drawn images add up to, [D, R, K]; only what is asked for is added."""
        counts = self._planes[plane]
        summed: NDArray[np.float64] = self._draws @ counts.reshape(len(counts), -1)
        return summed.reshape(len(self._draws), *counts.shape[1:])

    @property
    def miou(self) -> NDArray[np.float64]:
        """Return mean IoU over the classes that were labelled or predicted; NaN if none was."""
        return _mean_ratio(self._sums("intersection"), self._sums("union"))

    @property
    def macc(self) -> NDArray[np.float64]:
        """Return mean accuracy over the classes that were labelled; NaN if none was."""
        return _mean_ratio(self._sums("intersection"), self._sums("labelled"))

    @property
    def aacc(self) -> NDArray[np.float64]:
        """Return the share of labelled pixels that were predicted as their class."""
        found, labelled = self._sums("intersection"), self._sums("labelled")
        with np.errstate(invalid="ignore"):
            share: NDArray[np.float64] = 100 * found.sum(axis=2) / labelled.sum(axis=2)
        return share


def _mean_ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over classes, in percent, of those of which there is a whole."""
    seen = whole > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: NDArray[np.float64] = (
            100 * np.where(seen, part / whole, 0).sum(axis=2) / seen.sum(axis=2)
        )
    return mean
