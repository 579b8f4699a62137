"""What was detected in one image, as plain arrays: the form that is kept, scored and drawn."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.system.inflating import deflated, inflated

_LARGEST = 2**24
"""Bytes that are kept of an image; the masks of a hundred detections take a tenth."""


class Rle(TypedDict):
    """A mask in COCO's compressed run-length encoding, column by column."""

    size: list[int]
    """[height, width]."""
    counts: str
    """The lengths of the runs, in COCO's own text code."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageDetections:
    """Everything a detector found in one image, highest score first."""

    boxes: NDArray[np.float32]
    """[M, 4], xyxy in pixels of the original image."""
    scores: NDArray[np.float32]
    """[M], 0 to 1."""
    labels: NDArray[np.int64]
    """[M], 0 to K - 1."""
    masks: list[Rle] | None = None
    """One per box, in their order; None for detectors without masks."""

    def above(self, score: float) -> ImageDetections:
        """Return the detections whose score is higher than ``score``."""
        kept = np.flatnonzero(self.scores > score)
        return ImageDetections(
            boxes=self.boxes[kept],
            scores=self.scores[kept],
            labels=self.labels[kept],
            masks=None if self.masks is None else [self.masks[i] for i in kept],
        )

    def enlarged(self, factor: int) -> ImageDetections:
        """Return the boxes as they are in an enlarged image; masks are left out."""
        return replace(self, boxes=self.boxes * np.float32(factor), masks=None)

    def to_text(self) -> str:
        """Return the detections as compact text, without loss."""
        boxes = self.boxes.astype("<f4").tobytes()
        rest = self.scores.astype("<f4").tobytes() + self.labels.astype("u1").tobytes()
        masks = b"" if self.masks is None else json.dumps(self.masks).encode("ascii")
        packed = deflated(boxes + rest + masks)
        return f"{len(self.labels)} {'boxes' if self.masks is None else 'masks'} {packed}"

    @classmethod
    def from_text(cls, text: str) -> ImageDetections:
        """Return the detections that `to_text` wrote.

        Raises:
            ValueError: it is not such a text.
        """
        number, kind, packed = text.split(" ", 2)
        count = int(number)
        content = inflated(packed, _LARGEST)
        end = 21 * count  # four corners and a score of 4 bytes each, and a byte for the label
        return cls(
            boxes=np.frombuffer(content, "<f4", 4 * count).reshape(count, 4).astype(np.float32),
            scores=np.frombuffer(content, "<f4", count, 16 * count).astype(np.float32),
            labels=np.frombuffer(content, "u1", count, 20 * count).astype(np.int64),
            masks=None if kind == "boxes" else json.loads(content[end:]),
        )
