"""What the columns of a table hold, by their titles and by what is said above the table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.readme.markdown import MarkdownTable
from hrnet_zoo.readme.values import says_nothing, stated_number
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import NETWORKS, is_percent, is_result, title_key

_UNSAID = ("AP", "mAP", "AP (val)", "mAP (val)", "AP (minival)", "COCO AP", "COCO mAP", "mAP50-95",
           "mAP 50-95", "mAP (0.5:0.95)", "mAP val 50-95", "mAP val 0.5:0.95")  # fmt: skip
"""Titles that say whose AP is meant only together with what is said above the table."""
_FIRST = ("config", "weight")
"""Titles of a first column, by `title_key`, that names the models if no other does."""
_NOT_BOXES = re.compile(
    r"pose|key ?-?point|person|human|body|hand|face|text|instance|segm|mask|panoptic|voc|lvis"
    r"|open ?images|3d|video|track"
)
_OTHER_AP = re.compile(r"ar\b|pq\b|oks|mask|segm|kp|key ?point")
_DATASETS = ("coco", "cocostuff", "imagenet", "pascal", "voc", "lip", "lvis", "camvid", "kitti",
             "mapillary")  # fmt: skip
"""Data sets that have no file in `datasets/`, or several names."""


def columns_of(table: MarkdownTable, titles: Mapping[str, str]) -> dict[str, int]:
    """Return the place of each known column, from left to right.

    A title that two columns have says nothing, and neither does one whose cells are of another
    kind: fractions instead of percent, data sets instead of models.

    Args:
        table: any table.
        titles: what columns are called, by `title_key`.
    """
    keys = [title_key(cell.core) for cell in table.header.cells]
    found = [titles.get(key) for key in keys]
    if _is_about_boxes(table, keys):
        unsaid = set(map(title_key, _UNSAID))
        found = ["box_ap" if k in unsaid else c for k, c in zip(keys, found, strict=True)]
    if keys and keys[0] in _FIRST and not set(found) & {*NETWORKS, "method"}:
        found[0] = "model"
    first_result = next((i for i, column in enumerate(found) if column and is_result(column)), None)
    if first_result is not None and set(found[:first_result]) & {*NETWORKS, "method"}:
        # Behind the results, "Model" is a link to the weights.
        found[first_result:] = [c if c != "model" else None for c in found[first_result:]]
    counted = Counter(found)
    columns: dict[str, int] = {}
    for place, column in enumerate(found):
        if column is None or column in columns or (column in METRICS and counted[column] > 1):
            continue
        if _can_hold(table, place, column):
            columns[column] = place
    return columns


def _is_about_boxes(table: MarkdownTable, keys: Sequence[str]) -> bool:
    """Return whether AP alone must be that of COCO's boxes."""
    said = " ".join(table.above).casefold()
    return (
        "detect" in said
        and "coco" in said
        and _NOT_BOXES.search(said) is None
        and not any(_OTHER_AP.match(key) for key in keys)
    )


def _can_hold(table: MarkdownTable, place: int, column: str) -> bool:
    cells = [line.cells[place] for line in table.lines if place < len(line.cells)]
    if column in NETWORKS:
        names = [title_key(cell.core) for cell in cells]
        return not names or not all(map(_is_dataset, names))
    if column not in METRICS:
        return True
    numbers = [number for cell in cells if (number := stated_number(cell, METRICS[column]))]
    if is_percent(column):
        return not numbers or max(Decimal(number.raw) for number in numbers) >= 1
    return is_result(column) or bool(numbers) or all(map(says_nothing, cells))


def _is_dataset(name: str) -> bool:
    known = (*(title_key(dataset) for dataset in DATASETS), *_DATASETS)
    return any(re.match(rf"{dataset}(?![a-z])", name) for dataset in known)
