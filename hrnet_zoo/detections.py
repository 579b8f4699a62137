"""What was detected in one image, as plain arrays: the form that is kept, scored and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray


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
