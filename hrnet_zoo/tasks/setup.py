"""How a row was set up: all that its numbers depend on, written out, whatever its task.

The shape of the manifest's `setup`; it knows nothing of what is printed.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.system.strict import Strict

DatasetName = Literal[
    "cityscapes",
    "ade20k",
    "voc12aug",
    "pascal_context",
    "pascal_context_59",
    "loveda",
    "potsdam",
    "vaihingen",
    "isaid",
    "coco",
    "scenes",
    "scenes_boxes",
]

_Positive = Annotated[int, Field(gt=0)]
Pair = Annotated[tuple[_Positive, _Positive], Field(strict=False)]
Count = Annotated[int, Field(gt=0)]


class Setup(Strict):
    """What every row has; each task adds its own fields and narrows these."""

    task: ClassVar[str]
    """Name of the task in `TASKS`."""
    architecture: str
    """The network, by its name in `models/`."""
    backbone: str
    """Width and depth of the HRNet: "w18", "w18_small" ..."""
    num_classes: Count
    dataset: DatasetName
    """The data set whose validation split is evaluated."""
    num_images: Count
    """Images in that split; a number over fewer is not the documented one."""
    test: Any
    """How each image is shown to the network."""
    normalisation: Normalisation
