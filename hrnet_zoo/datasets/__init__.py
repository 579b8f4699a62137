"""Data sets: one file each, listed here, and what every kind of them shares.

Importing this reads no image and no decoder, because commands that only list do it, too.
"""

from __future__ import annotations

from typing import TypeVar

from hrnet_zoo.datasets.ade20k import ADE20K
from hrnet_zoo.datasets.cityscapes import CITYSCAPES
from hrnet_zoo.datasets.coco import COCO
from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.imagenet import IMAGENET
from hrnet_zoo.datasets.isaid import ISAID
from hrnet_zoo.datasets.isprs import POTSDAM, VAIHINGEN
from hrnet_zoo.datasets.loveda import LOVEDA
from hrnet_zoo.datasets.pascal_context import PASCAL_CONTEXT, PASCAL_CONTEXT_59
from hrnet_zoo.datasets.scenes import SCENES, SCENES_BOXES, SCENES_OBJECTS
from hrnet_zoo.datasets.voc12aug import VOC12AUG
from hrnet_zoo.errors import UsageError, did_you_mean

DATASETS: dict[str, DataSet] = {
    "cityscapes": CITYSCAPES,
    "ade20k": ADE20K,
    "voc12aug": VOC12AUG,
    "pascal_context": PASCAL_CONTEXT,
    "pascal_context_59": PASCAL_CONTEXT_59,
    "loveda": LOVEDA,
    "potsdam": POTSDAM,
    "vaihingen": VAIHINGEN,
    "isaid": ISAID,
    "coco": COCO,
    "imagenet": IMAGENET,
    "scenes": SCENES,
    "scenes_boxes": SCENES_BOXES,
    "scenes_objects": SCENES_OBJECTS,
}
"""Name -> data set; entries of a program's own may be added. The order is that of the schema."""

Kind = TypeVar("Kind", bound=DataSet)


def of_kind(kind: type[Kind]) -> dict[str, Kind]:
    """Return the data sets of one kind by their names."""
    return {name: entry for name, entry in DATASETS.items() if isinstance(entry, kind)}


def named(name: str) -> DataSet:
    """Return the data set called ``name``, or raise UsageError that says which there are."""
    if name not in DATASETS:
        close = did_you_mean(name, DATASETS)
        msg = f'No data set is called "{name}".{close} There are: {", ".join(DATASETS)}.'
        raise UsageError(msg)
    return DATASETS[name]
