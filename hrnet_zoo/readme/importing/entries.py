"""What an import gives: entries, complete as far as the file says, and what it had to leave out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.readme.names import (
    RESNEXT,
    architecture_of,
    backbone_in_name,
    batch_in_name,
    dataset_in_name,
    neck_in_name,
    width_in_label,
)
from hrnet_zoo.readme.results import Links
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.columns import NETWORKS, normalised
from hrnet_zoo.zoo.row import Table

WHERE = {
    "architecture": "model.type and its heads; hrnet-zoo has those that zoo.schema.json lists",
    "backbone": "the channels of the first branch of model.backbone.extra.stage4",
    "neck": "model.neck.type",
    "channels": "model.neck.out_channels",
    "num_classes": "num_classes of the heads",
    "dataset": "dataset_type and data_root",
    "num_images": "the images of the validation split",
    "test": "the test pipeline's scale, model.test_cfg",
    "normalisation": "img_norm_cfg, with to_rgb as the channel order",
    "train_crop": "crop_size",
    "samples_per_gpu": "data.samples_per_gpu",
    "gpus": "the number of GPUs in the training log",
}
"""Field of a setup -> where upstream's configuration states it; in the manifest's order."""

_TITLES = {"pascal voc 2012 + aug": "voc12aug", "pascal context": "pascal_context"}
"""What headings and metafiles call data sets whose name does not follow from that."""

_CROP = re.compile(r"\(?(\d+)\s*[x,]\s*(\d+)\)?")


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int
    """From 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class LeftOut(NamedTuple):
    """Something that was not understood, or has no place in a manifest."""

    place: Place
    reason: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row, as the manifest would have it."""

    place: Place
    task: str
    heading: str
    """Of the table that the row stands in."""
    position: int
    linked_name: str | None
    """The configuration's name by the files that are linked; None if none is."""
    known_name: str | None = None
    """What the zoo calls the row, if it was recognised without a file."""
    method: str
    """As printed."""
    dataset_title: str
    """What the file calls the data set."""
    printed: Mapping[str, str]
    """Column -> cell, where there is one; links are not among them."""
    links: Links
    stated: tuple[str, ...] = ()
    """Notes of what the file states and a row has no field for."""

    @property
    def name(self) -> str | None:
        """Return the row's name, or None where nothing tells it."""
        return self.linked_name or self.known_name

    @property
    def _label(self) -> str:
        return next((self.printed[column] for column in NETWORKS if column in self.printed), "")

    @cached_property
    def setup(self) -> Mapping[str, object]:
        """Return the setup as far as it follows from the text, as YAML has it.

        A data set's classes and images are known here. How a row is tested, normalised and trained
        is not printed. The width in a label never counts: nine rows of the READMEs state a wrong
        one.

        Source:
            mmsegmentation 0.20.2 and mmdetection 2.3.0, names in configs/: method, backbone, GPUs x
            samples per GPU, crop, schedule, data set. The 1.x and 3.x releases have other
            separators.
        """
        name = self.linked_name or ""
        found: dict[str, object | None] = {
            "architecture": architecture_of(self.task, self.method, self._label),
            "backbone": backbone_in_name(name),
            "neck": neck_in_name(name or self._label),
        }
        dataset = self._dataset(name)
        if dataset is not None:
            found["dataset"] = dataset
            found["num_classes"] = len(DATASETS[dataset].classes)
            found["num_images"] = DATASETS[dataset].num_images
        if match := _CROP.fullmatch(self.printed.get("crop_size", "").strip()):
            found["train_crop"] = [int(match[1]), int(match[2])]
        if batch := batch_in_name(name):
            found["gpus"], found["samples_per_gpu"] = batch
        return {field: found[field] for field in self.fields if found.get(field) is not None}

    def _dataset(self, name: str) -> str | None:
        """Return the data set, unless name and heading contradict each other."""
        plain = normalised(self.dataset_title)
        titled = _TITLES.get(plain, plain.replace(" ", "_"))
        by_name, by_title = dataset_in_name(name), titled if titled in DATASETS else None
        return (by_name or by_title) if by_title in (by_name or by_title, None) else None

    @property
    def fields(self) -> list[str]:
        """Return the fields of the task's setups, in the manifest's order."""
        order = list(WHERE)
        there = TASKS[self.task].setup.model_fields
        return sorted(there, key=lambda f: order.index(f) if f in WHERE else len(order))

    @property
    def missing(self) -> list[str]:
        """Return the fields of the setup that do not follow from the text."""
        return [field for field in self.fields if field not in self.setup]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing when reading the row."""
        said, by_name = width_in_label(self._label), backbone_in_name(self.linked_name or "")
        by_label = "x101_64x4d" if RESNEXT.search(self._label) else said and said[0].as_backbone()
        if by_name and by_label and by_name != by_label:
            note = f'The table says "{self._label}"; the file\'s name says {by_name}.'
            return (note, *self.stated)
        return self.stated


@dataclass(frozen=True, kw_only=True)
class Imported:
    """All entries of a file, with what surrounds them in a manifest."""

    source: str
    """Key of the file in the manifest's `sources`."""
    title: str
    url: str | None
    """Where the file is published; None where that is not known."""
    tables: tuple[Table, ...]
    entries: tuple[Entry, ...]
    left_out: tuple[LeftOut, ...]
