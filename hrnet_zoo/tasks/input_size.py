"""The size of the input that a row's documented test gives its network."""

from __future__ import annotations

import math

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.transforms import keep_ratio_size
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.segmentation.setup import SlideTest
from hrnet_zoo.zoo.row import Row


def documented_input_size(row: Row) -> tuple[int, int]:
    """Return (height, width) of what goes through the network at once in the documented test.

    With sliding windows that is a full window, though many images are too low for one. Otherwise
    it is a typical image, resized as documented. The images of detection data sets have so many
    shapes that none is typical: taken is one that fills the box of the resize, and padding is
    added. No image has more pixels.
    """
    setup = row.setup
    test = setup.test
    if isinstance(setup, DetectionSetup):
        return padded_size(setup)
    if isinstance(test, SlideTest):
        return test.crop_size
    width, height = keep_ratio_size(DATASETS[setup.dataset].typical_image, test.scale)
    return height, width


def padded_size(setup: DetectionSetup) -> tuple[int, int]:
    """Return (height, width) of the largest landscape input of a detector, padding included."""
    divisor = setup.test.size_divisor
    height, width = (math.ceil(side / divisor) * divisor for side in sorted(setup.test.scale))
    return height, width
