"""How we read a row: all that its numbers depend on, written out.

The shape of the manifest's `setup`; it knows nothing of what is printed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, PydanticCustomError

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.errors import did_you_mean
from hrnet_zoo.system.strict import Strict

MS_FLIP_RATIOS = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
"""Multiples of the resize box in the mIoU(ms+flip) columns; each is also seen mirrored."""


class _DataSetNames:
    """Lists the data sets in the schema of a manifest."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"enum": list(DATASETS), **handler(schema)}


def _name_of(kind: type[DataSet]) -> AfterValidator:
    """Return the check that a name is that of a data set of some kind."""

    def check(name: str) -> str:
        # Asked for each row, because a program may have added data sets of its own.
        names = of_kind(kind)
        if name not in names:
            close = did_you_mean(name, names) or f" There are: {', '.join(names)}."
            what = "not a data set for this task." + close.removesuffix(".")
            raise PydanticCustomError("data_set", "{what}", {"what": what})
        return name

    return AfterValidator(check)


LabelImagesName = Annotated[str, _name_of(LabelImages), _DataSetNames()]
CocoInstancesName = Annotated[str, _name_of(CocoInstances), _DataSetNames()]

_Positive = Annotated[int, Field(gt=0)]
Pair = Annotated[tuple[_Positive, _Positive], Field(strict=False)]
Count = Annotated[int, Field(gt=0)]
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


class SegmentationSetup(Strict):
    """What a segmentation row is, as far as its number depends on it."""

    architecture: Literal["fcn_hrnet"]
    backbone: Annotated[str, StringConstraints(pattern=r"^w[1-9]\d*(_small)?$")]
    """Width and depth: "w18", "w18_small", "w48" ..."""
    num_classes: NumClasses
    dataset: LabelImagesName
    """The data set whose validation split is evaluated."""
    num_images: Count
    """Images in that split; a number over fewer is not the documented one."""
    test: Annotated[WholeTest | SlideTest, Field(discriminator="mode")]
    """Single-scale test protocol."""
    normalisation: Normalisation
    train_crop: Pair
    """Training crop (height, width)."""
    samples_per_gpu: Count
    """Training images per GPU, on which the documented memory depends."""
    gpus: Count
    """GPUs used in training."""


class DetectionTest(Strict):
    """Single-scale test of a detector."""

    scale: Pair
    """Box (width, height) of the keep-ratio resize."""
    size_divisor: Count
    """The resized image is padded right and below to a multiple of this."""
    score_threshold: float
    """Detections at or below this score are dropped."""


class DetectionSetup(Strict):
    """What a detection row is, as far as its numbers depend on it."""

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
    neck: Literal["hrfpn", "fpn"]
    channels: Count
    """Channels of the neck's maps, and of the heads' convolutions on them."""
    num_classes: NumClasses
    dataset: CocoInstancesName
    """The data set whose validation split is evaluated."""
    num_images: Count
    """Images in that split; a number over fewer is not the documented one."""
    test: DetectionTest
    """Single-scale test protocol."""
    normalisation: Normalisation
    samples_per_gpu: Count
    """Training images per GPU, on which the documented memory depends."""
    gpus: Count
    """GPUs used in training."""
