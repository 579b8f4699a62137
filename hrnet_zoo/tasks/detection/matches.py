"""Which detections of one image found an object: what AP is computed from without annotations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.system.inflating import deflated, inflated

NUM_AREAS = 4
"""All objects, small ones, medium ones and large ones."""
NUM_THRESHOLDS = 10
"""IoU .50, .55 ... .95."""

_BITS = NUM_AREAS * NUM_THRESHOLDS
_CATEGORY_BYTES = 4 * (1 + NUM_AREAS)
_DETECTION_BYTES = 4 + 2 * _BITS // 8
_LARGEST = 2**20
"""Bytes that are kept of an image: seventy thousand detections, where detectors have a hundred."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Matches:
    """The detections of one image held against its annotations, as boxes or as masks.

    They are sorted by category, by score within a category, and then as the detector gave them,
    which is how COCO ranks them. A record made of these tells every figure of COCO.
    """

    image_id: int
    """The image's id in the annotation file; images of equal scores are ranked by it."""
    scores: NDArray[np.float32]
    """[M], 0 to 1."""
    categories: NDArray[np.int64]
    """[M], 0 to K - 1."""
    matched: NDArray[np.bool_]
    """[M, 4 areas, 10 IoU thresholds]: whether it found an object or a crowd."""
    ignored: NDArray[np.bool_]
    """[M, 4, 10]: whether it counts neither as right nor as wrong, because it found a crowd or an
    object of another area, or found none and is itself of another area."""
    objects: NDArray[np.int64]
    """[K, 4]: how many objects there are to find, without crowds."""

    def to_text(self) -> str:
        """Return it as compact text, without loss: 8 to 13 bytes per detection."""
        found = np.bincount(self.categories, minlength=len(self.objects))
        table = np.concatenate([found[:, None], self.objects], axis=1).astype("<u4")
        bits = np.stack([self.matched, self.ignored]).reshape(2, -1, _BITS)
        # The first bytes of all detections, then the second: neighbours are alike, which is short.
        packed = np.packbits(bits, axis=2).transpose(0, 2, 1)
        content = table.tobytes() + self.scores.astype("<f4").tobytes() + packed.tobytes()
        coded = deflated(content)
        return f"{self.image_id} {len(self.objects)} {len(self.scores)} {coded}"

    @classmethod
    def from_text(cls, text: str) -> Matches:
        """Return what `to_text` wrote.

        Raises:
            ValueError: it is not such a text, or no image could have led to it.
        """
        image_id, num_categories, count, coded = text.split(" ")
        num_k, num_m = int(num_categories), int(count)
        expected = num_k * _CATEGORY_BYTES + num_m * _DETECTION_BYTES
        content = inflated(coded, min(expected, _LARGEST))
        if min(num_k, num_m) < 0 or len(content) != expected:
            msg = f"matches of {num_m} detections in {num_k} categories are cut or too long"
            raise ValueError(msg)
        table = np.frombuffer(content, "<u4", num_k * (1 + NUM_AREAS)).reshape(num_k, -1)
        if table[:, 0].sum() != num_m:
            msg = f"the categories of matches have other than {num_m} detections"
            raise ValueError(msg)
        rest = content[num_k * _CATEGORY_BYTES :]
        packed = np.frombuffer(rest, "u1", offset=4 * num_m).reshape(2, _BITS // 8, num_m)
        bits = np.unpackbits(packed.transpose(0, 2, 1), axis=2).astype(bool)
        matched, ignored = bits.reshape(2, num_m, NUM_AREAS, NUM_THRESHOLDS)
        read = cls(
            image_id=int(image_id),
            scores=np.frombuffer(rest, "<f4", num_m).astype(np.float32),
            categories=np.repeat(np.arange(num_k), table[:, 0]),
            matched=matched,
            ignored=ignored,
            objects=table[:, 1:].astype(np.int64),
        )
        read._require_possible()
        return read

    def _require_possible(self) -> None:
        """Raise ValueError if no detector or no annotations could lead to this."""
        # Written so that a score that is not a number fails.
        if not ((self.scores >= 0) & (self.scores <= 1)).all():
            msg = "a score of matches is not between 0 and 1"
            raise ValueError(msg)
        falling = (np.diff(self.scores) <= 0) | (np.diff(self.categories) > 0)
        if not falling.all():
            msg = "matches are not sorted by their scores"
            raise ValueError(msg)
        hits = np.zeros((*self.objects.shape, NUM_THRESHOLDS), np.int64)
        np.add.at(hits, self.categories, self.matched & ~self.ignored)
        if (hits > self.objects[..., None]).any():
            msg = "more detections match objects than there are objects"
            raise ValueError(msg)


def places_in_runs(sorted_values: NDArray[Any]) -> NDArray[np.int64]:
    """Return how many equal values stand before each: [0, 1, 2, 0, 1] for [5, 5, 5, 8, 8]."""
    return np.arange(len(sorted_values)) - np.searchsorted(sorted_values, sorted_values)
