"""How a segmentation row was set up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks.setup import Count, DataSetNames, Pair, Setup, name_of

MS_FLIP_RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Multiples of the resize box in the mIoU(ms+flip) columns; each is also seen mirrored."""

NumClasses = Annotated[int, Field(gt=0, le=253)]
"""Labels are bytes, of which 254 and 255 are taken for "invalid" and "ignored"."""


class WholeTest(Strict):
    """The whole resized image goes through the network at once."""

    mode: Literal["whole"]
    scale: Pair
    """Box (width, height) of the keep-ratio resize."""


class SlideTest(Strict):
    """Overlapping windows go through the network; their logits are averaged."""

    mode: Literal["slide"]
    scale: Pair
    """Box (width, height) of the keep-ratio resize."""
    crop_size: Pair
    """Window (height, width)."""
    stride: Pair
    """Step between windows (vertical, horizontal)."""


class SegmentationSetup(Setup):
    """What a segmentation row is, as far as its number depends on it."""

    task = "segmentation"

    architecture: Literal["fcn_hrnet"]
    backbone: Annotated[str, StringConstraints(pattern=r"^w[1-9]\d*(_small)?$")]
    """Width and depth: "w18", "w18_small", "w48" ..."""
    num_classes: NumClasses
    dataset: Annotated[str, name_of(LabelImages), DataSetNames()]
    """The data set whose validation split is evaluated."""
    test: Annotated[WholeTest | SlideTest, Field(discriminator="mode")]
    """Single-scale test protocol."""
    train_crop: Pair
    """Training crop (height, width)."""
    samples_per_gpu: Count
    """Training images per GPU, on which the documented memory depends."""
    gpus: Count
    """GPUs used in training."""
