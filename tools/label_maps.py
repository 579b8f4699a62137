"""Made-up label maps of the kind that segmentation meets, for timing the metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.label_images import IGNORED

Map = NDArray[np.uint8]


def street_maps(height: int, width: int, num_classes: int) -> tuple[Map, Map]:
    """Return a prediction and labels [height, width]: coherent areas, 10 % wrong, 5 % ignored."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, num_classes, (height // 32, width // 32)).astype(np.uint8)
    label = coarse.repeat(32, 0).repeat(32, 1)
    wrong = rng.uniform(size=label.shape) < 0.10
    prediction = np.where(wrong, rng.integers(0, num_classes, label.shape), label).astype(np.uint8)
    label[rng.uniform(size=label.shape) < 0.05] = IGNORED
    return prediction, label
