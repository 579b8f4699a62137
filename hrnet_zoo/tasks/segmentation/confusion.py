"""The confusion matrix of semantic segmentation, and the scores read off it.

It knows neither models nor data sets. Scores are read off without torch, so that records can be
compared where there is none; counting pixels is `counting.py`.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.errors import RecordError

if TYPE_CHECKING:
    from torch import Tensor

_UNREADABLE = (
    OSError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    AttributeError,
    zipfile.BadZipFile,
    zlib.error,
)


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
    """Pixel counts by label and prediction: grows by images, merges with others, fits in a file.

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

    def save(self, path: Path) -> None:
        """Write the matrix to a compressed .npz file, replacing an earlier one in one step."""
        temporary = path.with_name(f".{path.name}.part")
        with temporary.open("wb") as file:
            np.savez_compressed(file, counts=self.counts)
        temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> ConfusionMatrix:
        """Return the matrix in a file written by `save`.

        Raises:
            RecordError: the file is missing, damaged or something else.
        """
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                counts = archive["counts"]
            if counts.dtype != np.int64 or (counts < 0).any():
                msg = "it does not hold counts"
                raise ValueError(msg)
            return cls(counts.shape[1], counts)
        except _UNREADABLE as error:
            msg = f"{path} is no saved confusion matrix ({error}). Delete it and run again."
            raise RecordError(msg) from None

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
