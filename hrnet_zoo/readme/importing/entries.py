"""What an import gives: entries, complete as far as the file says, and what it had to leave out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.readme.names import (
    RESNEXT,
    architecture_of,
    backbone_in_name,
    batch_in_name,
    checkpoint_stem,
    dataset_in_name,
    is_of_this_zoo,
    may_be_of_another_dataset,
    neck_in_name,
    published_name,
    width_in_label,
)
from hrnet_zoo.readme.results import Links
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
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

_TITLES = {"pascal voc 2012 + aug": "voc12aug", "imagenet-1k": "imagenet"}
"""What headings and metafiles call data sets whose name does not follow from that."""

_CROP = re.compile(r"\(?(\d{1,5})\s*[x,]\s*(\d{1,5})\)?")

_Told = TypeVar("_Told")


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
    names: tuple[str, ...]
    """What may name the row, the best first: configurations' names by the files that are linked."""
    known_name: str | None = None
    """What the zoo calls the row, if it was recognised without a file."""
    name: str | None = None
    """The row's, which no other row has; None where nothing tells it."""
    why_no_name: str = "links no file and is not clearly a row of the zoo"
    """Why the name is missing, if it is."""
    method: str | None
    """As printed; None where it is not, or where a heading may not be one."""
    dataset_title: str | None = None
    """What the file calls the data set; None where at most a heading does."""
    printed: Mapping[str, str]
    """Column -> cell, where there is one; links are not among them."""
    links: Links
    file_problem: str | None = None
    """Why a manifest does not take the file that is linked; None if it does, or there is none."""
    stated: tuple[str, ...] = ()
    """Notes of what the file states and a row has no field for."""

    @property
    def label(self) -> str:
        """Return what the file calls the network; empty if it does not."""
        return next((self.printed[column] for column in NETWORKS if column in self.printed), "")

    @property
    def _stems(self) -> tuple[str, ...]:
        """Return the names as they are read: some files have capitals."""
        return tuple(map(str.lower, self.names))

    @property
    def can_be_built(self) -> bool:
        """Whether method and network may be of hrnet-zoo, as far as they are known."""
        return is_of_this_zoo(self.task, self.method, self.label)

    @cached_property
    def setup(self) -> Mapping[str, object]:
        """Return the setup as far as it follows from the text, as YAML has it.

        A data set's classes and images are known here. How a row is tested, normalised and trained
        is not printed. The width in a label never counts: nine rows of the READMEs state a wrong
        one. What names of two linked files say differently, or the task cannot have, is left open.

        Source:
            mmsegmentation 0.20.2 and mmdetection 2.3.0, names in configs/: method, backbone, GPUs x
            samples per GPU, crop, schedule, data set. The 1.x and 3.x releases have other
            separators.
        """
        found: dict[str, object | None] = {}
        architecture = architecture_of(self.task, self.method or "", self.label, self._stems)
        if architecture and _takes(self.task, "architecture", architecture):
            found["architecture"] = architecture
            found["neck"] = neck_in_name(" ".join(self._stems) or self.label)
        found["backbone"] = self._told(backbone_in_name)
        found["train_crop"] = self._crop()
        if batch := self._told(batch_in_name):
            found["gpus"], found["samples_per_gpu"] = batch
        if dataset := self._dataset():
            found["dataset"] = dataset
            found["num_classes"] = len(DATASETS[dataset].classes)
            found["num_images"] = DATASETS[dataset].num_images
        return {field: found[field] for field in self.fields if found.get(field) is not None}

    def _told(self, reading: Callable[[str], _Told | None]) -> _Told | None:
        """Return what names of linked files tell, unless they tell different things."""
        told = {fact for name in self._stems if (fact := reading(name)) is not None}
        return told.pop() if len(told) == 1 else None

    def _crop(self) -> list[int] | None:
        """Return height and width; which is which, only names tell."""
        match = _CROP.fullmatch(self.printed.get("crop_size", "").strip())
        if match is None:
            return None
        height, width = int(match[1]), int(match[2])
        is_clear = height == width or f"{height}x{width}" in " ".join(self._stems)
        return [height, width] if is_clear else None

    def _dataset(self) -> str | None:
        """Return the data set, unless names, title and task contradict each other."""
        plain = normalised(self.dataset_title or self.heading)
        titled = _TITLES.get(plain, plain.replace(" ", "_"))
        if self.dataset_title is None:
            if any(map(may_be_of_another_dataset, self._stems)):
                return None
        elif titled not in DATASETS:
            return None
        told = {dataset_in_name(name) for name in self._stems} - {None}
        # As a title, Pascal Context has 60 classes in some tables, and 59 in others.
        if told or titled != "pascal_context":
            told |= {titled} & DATASETS.keys()
        dataset = told.pop() if len(told) == 1 else None
        return dataset if dataset and _takes(self.task, "dataset", dataset) else None

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
        said, by_name = width_in_label(self.label), self._told(backbone_in_name)
        by_label = "x101_64x4d" if RESNEXT.search(self.label) else said and said[0].as_backbone()
        if by_name and by_label and by_name != by_label:
            note = f'The table says "{self.label}"; the file\'s name says {by_name}.'
            return (note, *self.stated)
        return self.stated


def names_of(links: Links) -> tuple[str, ...]:
    """Return what may name a row by the files it links, the best first.

    A checkpoint's file name tells which model it is; several models can share a configuration.
    """
    published = published_name(links.checkpoint)
    config = link_file_name(links.config or "").removesuffix(".py")
    hashed = promised_sha256(link_file_name(links.checkpoint or "")) is not None
    stem = checkpoint_stem(link_file_name(links.checkpoint or "")) if hashed else None
    return tuple(dict.fromkeys(filter(None, (published, config, stem))))


def hash_problem(checkpoint: str | None) -> str | None:
    """Say why a manifest does not take a link to weights, or None if it does."""
    file_name = link_file_name(checkpoint or "")
    if checkpoint is None or promised_sha256(file_name) is not None:
        return None
    what = f'"{file_name or checkpoint}" does not end in the first 8 digits of its SHA-256'
    return f'{what} ("-0123abcd.pth"), which a manifest needs'


def _takes(task: str, field: str, value: object) -> bool:
    """Whether setups of a task can have a value: a detector's data set has boxes, for example."""
    known = TASKS[task].setup.model_fields[field]
    kind: Any = Annotated[known.annotation, known]
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


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
