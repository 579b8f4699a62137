"""How a detection row was set up."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import StringConstraints

from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks.setup import Count, DataSetNames, Pair, Setup, name_of


class DetectionTest(Strict):
    """Single-scale test of a detector."""

    scale: Pair
    """Box (width, height) of the keep-ratio resize."""
    size_divisor: Count
    """The resized image is padded right and below to a multiple of this."""
    score_threshold: float
    """Detections at or below this score are dropped."""


class DetectionSetup(Setup):
    """What a detection row is, as far as its numbers depend on it."""

    task = "detection"

    architecture: Literal[
        "faster_rcnn_hrnet",
        "mask_rcnn_hrnet",
        "cascade_rcnn_hrnet",
        "cascade_mask_rcnn_hrnet",
        "htc_hrnet",
        "htc_x101",
        "fcos_hrnet",
    ]
    backbone: Annotated[str, StringConstraints(pattern=r"^(w[1-9]\d*(_small)?|x101_64x4d)$")]
    """Width of the HRNet ("w18", "w32", "w40"), or "x101_64x4d"."""
    dataset: Annotated[str, name_of(CocoInstances), DataSetNames()]
    """The data set whose validation split is evaluated."""
    test: DetectionTest
    """Single-scale test protocol."""
    neck: Literal["hrfpn", "fpn"]
    channels: Count
    """Channels of the neck's maps, and of the heads' convolutions on them."""
    samples_per_gpu: Count
    """Training images per GPU, on which the documented memory depends."""
    gpus: Count
    """GPUs used in training."""

    def largest_input(self) -> tuple[int, int]:
        """Return (height, width) of the largest landscape input, padding included.

        The images of detection data sets have so many shapes that none is typical: this one fills
        the box of the resize, and no image has more pixels.
        """
        divisor = self.test.size_divisor
        height, width = (math.ceil(side / divisor) * divisor for side in sorted(self.test.scale))
        return height, width
