"""How a row was set up: all that its numbers depend on, written out, whatever its task.

The shape of the manifest's `setup`; it knows nothing of what is printed.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.errors import did_you_mean
from hrnet_zoo.system.strict import Strict

Count = Annotated[int, Field(gt=0)]
Pair = Annotated[tuple[Count, Count], Field(strict=False)]


class DataSetNames:
    """Lists the data sets in the schema of a manifest."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"enum": list(DATASETS), **handler(schema)}


def name_of(kind: type[DataSet]) -> AfterValidator:
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


class Setup(Strict):
    """What every row has; each task adds its own fields and narrows these."""

    task: ClassVar[str]
    """Name of the task in `TASKS`."""
    architecture: str
    """The network, by its name in `models/`."""
    backbone: str
    """Width and depth of the HRNet: "w18", "w18_small" ..."""
    num_classes: Count
    dataset: str
    """The data set whose validation split is evaluated."""
    num_images: Count
    """Images in that split; a number over fewer is not the documented one."""
    test: Any
    """How each image is shown to the network."""
    normalisation: Normalisation

    @model_validator(mode="after")
    def _knows_its_classes(self) -> Self:
        known = len(DATASETS[self.dataset].classes.names)
        if self.num_classes != known:
            msg = f"num_classes is {self.num_classes}, and {self.dataset} has {known} classes"
            raise ValueError(msg)
        return self
