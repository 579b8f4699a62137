"""What one image adds to the confusion matrix, kept small; and scores of images drawn anew."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.bootstrap import CHUNK, RESAMPLES, draw_images
from hrnet_zoo.tasks.segmentation.confusion import (
    ConfusionMatrix,
    ResampledScores,
    SegmentationScores,
)

MAX_CLASSES = 255
"""Labels are bytes, and 255 is none."""

ValueOf = Callable[[ResampledScores], NDArray[np.float64]]
"""From the scores of draws to one of them, [D, R]."""

_PLANES = ("intersection", "labelled", "union")


def _miou(scores: ResampledScores) -> NDArray[np.float64]:
    return scores.miou


@dataclass(frozen=True, kw_only=True)
class SparseCounts:
    """The entries of one image's confusion counts that are not zero."""

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
        counts = np.zeros((self.num_classes + 1) * self.num_classes, np.int64)
        counts[self.cells] = self.pixels
        return counts.reshape(self.num_classes + 1, self.num_classes)

    def to_text(self) -> str:
        """Return the counts as compact text."""
        numbers = np.concatenate([np.diff(self.cells, prepend=0), self.pixels]).astype("<i4")
        packed = base64.b85encode(zlib.compress(numbers.tobytes(), 9)).decode("ascii")
        return f"{self.num_classes} {packed}"

    @classmethod
    def from_text(cls, text: str) -> SparseCounts:
        """Return the counts that `to_text` wrote.

        Raises:
            ValueError: it is no such text.
            zlib.error: likewise.
        """
        number, _, packed = text.partition(" ")
        num_classes = int(number)
        numbers = np.frombuffer(zlib.decompress(base64.b85decode(packed)), "<i4").astype(np.int32)
        steps, pixels = numbers[: numbers.size // 2], numbers[numbers.size // 2 :]
        cells = np.cumsum(steps, dtype=np.int32)
        in_range = 0 < num_classes <= MAX_CLASSES and (
            not cells.size or 0 <= cells.min() <= cells.max() < (num_classes + 1) * num_classes
        )
        if len(steps) != len(pixels) or not in_range:
            msg = "these are no counts of so many classes"
            raise ValueError(msg)
        return cls(num_classes=num_classes, cells=cells, pixels=pixels)

    def scores(self) -> SegmentationScores:
        """Return the scores of this image alone."""
        return ConfusionMatrix(self.num_classes, self.dense()).scores()


def total(images: Sequence[SparseCounts], num_classes: int) -> ConfusionMatrix:
    """Return the confusion matrix of all images together."""
    counts = np.zeros((num_classes + 1) * num_classes, np.int64)
    for image in images:
        counts[image.cells] += image.pixels
    return ConfusionMatrix(num_classes, counts.reshape(num_classes + 1, num_classes))


def resampled_values(
    images: Sequence[SparseCounts], value_of: ValueOf = _miou
) -> NDArray[np.float64] | None:
    """Return a value [RESAMPLES] over resampled sets of images, percent; None below two images.

    Two runs over the same images are resampled alike, so their values can be subtracted pair by
    pair: that is what makes an interval for a difference narrow.
    """
    if len(images) < 2:
        return None
    values: NDArray[np.float64] = bootstrap_runs([images], draw_images(len(images)), value_of)[0]
    return values


def bootstrap_runs(
    runs: Sequence[Sequence[SparseCounts]], draws: NDArray[np.uint16], value_of: ValueOf = _miou
) -> NDArray[np.float64]:
    """Return what `resampled_values` does, of several runs over the same images: [R, RESAMPLES].

    Args:
        runs: R runs, each with its N images in the same order.
        draws: [RESAMPLES, N] of `draw_images`; making them takes longer than using them.
        value_of: from the scores of draws to one of them.
    """
    areas = np.stack([[_areas(image) for image in images] for images in runs], axis=1)
    planes = dict(zip(_PLANES, np.moveaxis(areas, 2, 0), strict=True))
    chunks = np.split(draws, RESAMPLES // CHUNK)
    values = [value_of(ResampledScores(chunk.astype(np.float64), planes)) for chunk in chunks]
    return np.concatenate(values).T


def _areas(image: SparseCounts) -> NDArray[np.float64]:
    """Return the planes of `_PLANES` of every class in one image, [3, K]."""
    counts = image.dense()
    intersection, labelled = np.diagonal(counts), counts[:-1].sum(axis=1)
    union = labelled + counts.sum(axis=0) - intersection
    return np.stack([intersection, labelled, union]).astype(np.float64)
