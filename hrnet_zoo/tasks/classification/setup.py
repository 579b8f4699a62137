"""How a classification row was set up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.system.strict import Strict
from hrnet_zoo.tasks.setup import Count, DataSetNames, Setup, name_of

_Channels = Annotated[int, Field(gt=0, multiple_of=4)]
_COARSEST_STRIDE = 32


class ClassificationTest(Strict):
    """A square from the middle of the resized image goes through the network once."""

    resize_short: Count
    """Pixels of the shorter side after the resize; the longer one is rounded down."""
    crop: Annotated[int, Field(gt=0, multiple_of=_COARSEST_STRIDE)]
    """Pixels of the square's sides."""

    @model_validator(mode="after")
    def _fits(self) -> ClassificationTest:
        if self.crop > self.resize_short:
            msg = f"a crop of {self.crop} pixels does not fit a side of {self.resize_short}"
            raise ValueError(msg)
        return self


class ClassificationSetup(Setup):
    """What a classification row is, as far as its numbers depend on it."""

    task = "classification"

    architecture: Literal["hrnet_classifier"]
    backbone: Annotated[str, StringConstraints(pattern=r"^w[1-9]\d*(_small)?$")]
    """Width and depth: "w18", "w30" ... "w64", or "w18_small"."""
    neck_channels: Annotated[
        tuple[_Channels, _Channels, _Channels, _Channels, _Channels], Field(strict=False)
    ] = (128, 256, 512, 1024, 2048)
    """Channels of the neck's four scales, finest first, and of what is pooled."""
    dataset: Annotated[str, name_of(ClassFolders), DataSetNames()]
    """The data set whose validation split is evaluated."""
    test: ClassificationTest
    """Single-crop test protocol."""
    samples_per_gpu: Count
    """Training images per GPU."""
    gpus: Count
    """GPUs used in training."""
