"""What an OpenMMLab metafile states of a model, as the cells that a README would print of it.

Source:
    mmdetection 2.x and 3.x, mmsegmentation 0.x and 1.x, mmpretrain 1.x: keys in configs/*/*.yml.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import yaml

from hrnet_zoo.readme.importing import yaml_nodes as nodes
from hrnet_zoo.readme.markdown import Cell
from hrnet_zoo.readme.values import stated_number
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import is_percent, normalised
from hrnet_zoo.zoo.printed import printed_number

_FIELDS = {
    "backbone": "backbone",
    "crop size": "crop_size",
    "lr schd": "lr_schd",
    "memory (gb)": "train_memory_gb",
    "training memory (gb)": "train_memory_gb",
}
"""Keys of Metadata, in lower case -> what they hold."""

_NOTED = ("inference time (ms/im)", "inference time (s/im)")
"""A row documents images per second: what is stated per image is noted, not converted."""

_WITHOUT_PLACE = {
    "training data", "training techniques", "training resources", "training time", "architecture",
    "epochs", "iterations", "batch size", "flops", "parameters",
}  # fmt: skip
"""Keys of Metadata that are understood, but say nothing that a manifest's row holds."""

_MODEL_KEYS = {
    "name", "metadata", "results", "weights", "config", "training log", "in collection",
    "in collections", "readme", "paper", "code", "version", "converted from", "alias", "image",
    "framework", "license",
}  # fmt: skip
"""Keys of a model, likewise."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What a model states that a row prints, and what it says besides."""

    printed: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """What the file calls the cells."""
    notes: list[str] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    """Lines that were not understood, and why."""


def cells_of_metadata(model: yaml.Node, collection: str | None) -> Cells:
    """Return what a model's Metadata state that a row prints, and what was not understood.

    Args:
        model: the model.
        collection: what the file has it in.
    """
    cells = Cells()
    for item in nodes.items(model):
        if normalised(item.key) not in _MODEL_KEYS:
            cells.left_out.append((item.line, f'the key "{item.key}" is not known'))
    for item in nodes.items(nodes.value(model, "Metadata")):
        key = normalised(item.key)
        if key in _NOTED:
            cells.notes.append(f'The metafile states "{item.key}": {nodes.flat(item.node)}.')
        elif key in _FIELDS:
            take(item, _FIELDS[key], cells)
        elif key == "architecture" and _begins_with_backbone(item.node, collection):
            take(item._replace(node=nodes.elements(item.node)[0]), "backbone", cells)
        elif key not in _WITHOUT_PLACE:
            cells.left_out.append((item.line, f'the key "{item.key}" of Metadata is not known'))
    return cells


def _begins_with_backbone(node: yaml.Node, collection: str | None) -> bool:
    """Whether an Architecture is backbone and method, as in mmsegmentation 1.x, and not layers."""
    parts = [nodes.scalar(element) for element in nodes.elements(node)]
    return collection is not None and parts[1:2] == [collection]


def take(item: nodes.Item, column: str, cells: Cells) -> None:
    """Add a value to the cells, if it is understood; nothing is no value.

    Args:
        item: key and value.
        column: what the value is.
        cells: it is added here, or the reason why it was not understood.
    """
    text = nodes.scalar(item.node)
    if nodes.is_null(item.node):
        return
    if text is None:
        cells.left_out.append((item.line, f'"{item.key}" is not a single value'))
    elif cells.printed.get(column, text) != text:
        what = f'"{item.key}" is {text} here, and {cells.printed[column]} before'
        cells.left_out.append((item.line, what))
    else:
        try:
            cells.printed[column], cells.titles[column] = _cell(text, column), item.key
        except ValueError as error:
            cells.left_out.append((item.line, f'"{item.key}": {error}'))


def _cell(text: str, column: str) -> str:
    """Return what a row prints for a value: of "78.80%", the number.

    Raises:
        ValueError: it is no number, where one is needed.
    """
    if column not in METRICS:
        return text
    stated = stated_number(Cell(start=0, raw=text), METRICS[column])
    number = printed_number(stated.raw if stated else text)
    if number is not None and is_percent(column) and (number > 100 or 0 < number < 1):
        msg = f"{text} is not in percent"
        raise ValueError(msg)
    return stated.raw if stated else text
