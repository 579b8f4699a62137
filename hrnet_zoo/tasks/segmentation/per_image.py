"""What one image adds to the confusion matrix, kept small; and the interval that follows from it.

Images are what varies between a sample and the next, so they are what a bootstrap draws.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.segmentation.confusion import ConfusionMatrix

RESAMPLES = 2000
LEVEL = 0.95
MAX_CLASSES = 255
"""Labels are bytes, and 255 is none."""

_SEED = 0
# Resamples drawn at a time; bounds the memory to a few tens of MB for any data set.
_CHUNK = 100


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

    def miou(self) -> float | None:
        """Return the mIoU of this image alone, percent; None if nothing in it is labelled."""
        return ConfusionMatrix(self.num_classes, self.dense()).scores().miou


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A range that would hold the mIoU of most other samples of as many images, in percent."""

    low: float
    high: float
    level: float = LEVEL
    resamples: int = RESAMPLES


def total(images: Sequence[SparseCounts], num_classes: int) -> ConfusionMatrix:
    """Return the confusion matrix of all images together."""
    counts = np.zeros((num_classes + 1) * num_classes, np.int64)
    for image in images:
        counts[image.cells] += image.pixels
    return ConfusionMatrix(num_classes, counts.reshape(num_classes + 1, num_classes))


def miou_interval(images: Sequence[SparseCounts]) -> Interval | None:
    """Return the percentile bootstrap interval of the mIoU over images; None below two images.

    Resamples draw as many images as there are, with replacement, from a fixed seed: the same
    images give the same interval.
    """
    resampled = bootstrap_miou(images)
    if resampled is None or np.isnan(resampled).all():
        return None
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(resampled, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high))


def bootstrap_miou(images: Sequence[SparseCounts]) -> NDArray[np.float64] | None:
    """Return the mIoU [RESAMPLES] of resampled sets of images, percent; None below two images.

    Two runs over the same images are resampled alike, so their values can be subtracted pair by
    pair: that is what makes an interval for a difference narrow.
    """
    if len(images) < 2:
        return None
    values: NDArray[np.float64] = bootstrap_runs([images], draw_images(len(images)))[0]
    return values


def draw_images(num_images: int) -> NDArray[np.uint16]:
    """Return how often each resample draws each image, [RESAMPLES, N]; always the same draws."""
    rng = np.random.Generator(np.random.PCG64(_SEED))
    shares = np.full(num_images, 1 / num_images)
    chunks = [rng.multinomial(num_images, shares, _CHUNK) for _ in range(RESAMPLES // _CHUNK)]
    return np.concatenate([chunk.astype(np.uint16) for chunk in chunks])


def bootstrap_runs(
    runs: Sequence[Sequence[SparseCounts]], draws: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """Return what `bootstrap_miou` does, of several runs over the same images: [R, RESAMPLES].

    Args:
        runs: R runs, each with its N images in the same order.
        draws: [RESAMPLES, N] of `draw_images`; making them takes longer than using them.
    """
    # Images come first, then runs, then intersection and union of every class.
    areas = np.stack([[_areas(image) for image in images] for images in runs], axis=1)
    flat = areas.reshape(len(areas), -1)
    values = []
    for chunk in np.split(draws, RESAMPLES // _CHUNK):
        sums = (chunk.astype(np.float64) @ flat).reshape(_CHUNK, *areas.shape[1:])
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = sums[:, :, 0] / sums[:, :, 1]
        seen = sums[:, :, 1] > 0
        with np.errstate(invalid="ignore"):
            values.append(100 * np.where(seen, iou, 0).sum(axis=2) / seen.sum(axis=2))
    return np.concatenate(values).T


def _areas(image: SparseCounts) -> NDArray[np.float64]:
    """Return intersection and union of every class in one image, [2, K]."""
    counts = image.dense()
    intersection = np.diagonal(counts)
    union = counts[:-1].sum(axis=1) + counts.sum(axis=0) - intersection
    return np.stack([intersection, union]).astype(np.float64)
