"""What a detector found in one image, in the form in which both packages are compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """Detections of one image, highest score first."""

    boxes: NDArray[np.float32]
    """[M, 4], xyxy in pixels of the original image."""
    scores: NDArray[np.float32]
    """[M]."""
    labels: NDArray[np.int64]
    """[M], 0 to K - 1."""
    masks: list[NDArray[np.bool_]] | None
    """M masks [H, W] of the original image; None for detectors without."""
