"""One number of a table as a run found it, with what it rests on, in the words of the record."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.system.strict import Part


class ProtocolUsed(Part):
    """How each image was shown to the network."""

    name: str
    test: dict[str, Any]
    """The setup's test, as the manifest writes it."""
    normalisation: Normalisation
    ratios: list[float]
    """Multiples of the test's size, one pass each."""
    flip: bool
    """Whether every pass was repeated mirrored."""


class Interval(Part):
    """Where the value mostly falls for the whole data set, or for other images, in percent."""

    low: float
    high: float
    level: float
    """How often such intervals hold what they are for."""
    method: Literal["bootstrap", "jackknife", "wilson"] = "bootstrap"
    """Old records have percentile intervals of bootstraps."""
    resamples: int | None = None
    """Of a bootstrap."""
    groups: int | None = None
    """Groups of images that a jackknife left out in turn."""
    population: int | None = None
    """Images of the whole data set that these are a random part of: the interval is for its value.
    None: these are all, and it is for other images like them."""

    def describe(self) -> str:
        """Return how it was found, in words."""
        if self.method == "bootstrap":
            return f"bootstrap, {self.resamples} resamples"
        if self.method == "wilson":
            return "Wilson's, of a share"
        return f"jackknife, {self.groups} groups of images"


class Allowance(Part):
    """By how much a value may differ although nothing is wrong, as this run measured it."""

    name: str
    """"numeric noise", or what makes the difference."""
    points: Annotated[float, Field(ge=0)]
    """Three standard deviations of the value, in its unit."""
    num_images: Annotated[int, Field(ge=1)]
    """Images that were computed again to find out."""
    num_changed: Annotated[int, Field(ge=0)]
    """How many of them had another result."""
    how: str
    """What was done otherwise."""


class ClassFigures(Part):
    """One class and its figures in percent, by name; None where there is nothing to tell."""

    name: str
    figures: dict[str, float | None]


class Scoring(Part):
    """Which library scored the detections, and why it may."""

    backend: str
    version: str
    asked: str
    """What the user asked for."""
    parity_num_images: int | None
    """Images whose detections a fast evaluator and pycocotools both scored; None: no comparison."""
    parity_largest_difference: float | None
    """Largest difference of any figure there, in points of percent; None: the evaluator failed."""
    remarks: list[str]
    """Why fast evaluators that are installed were not used."""


class Scored(Part):
    """A value and what it rests on."""

    value: float | None
    """In the unit of the table; percent for accuracies. None if it is 0/0."""
    interval: Interval | None = None
    """Over images; None where there is none, for the reason that follows."""
    no_interval: str | None = None
    """Why there is no interval, where there might be one."""
    figures: dict[str, float | None] = {}
    """What else follows from the same pass, by name, in percent."""
    classes: list[ClassFigures] = []
    allowances: list[Allowance] = []
    """Empty where none were measured: of parts, of sizes, and in old records."""
    scoring: Scoring | None = None
    """Detection only."""
    convention: str | None = None
    """By which rule was counted, where there are several."""
