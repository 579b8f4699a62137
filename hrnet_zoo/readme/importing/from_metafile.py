"""The models of an OpenMMLab metafile, or of a model-index that names some, as entries.

Source:
    OpenMMLab's model-index 0.1.11 (fields of Models, Import); mmdetection 2.x and 3.x and
    mmsegmentation 0.x and 1.x, configs/hrnet/*.yml (what they call the numbers).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.files import read_text
from hrnet_zoo.readme.importing import yaml_nodes as nodes
from hrnet_zoo.readme.importing.entries import Entry, LeftOut, Place
from hrnet_zoo.readme.names import published_name
from hrnet_zoo.readme.results import Links
from hrnet_zoo.readme.setups import method_of
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import normalised, tasks_of, titles_of_columns
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import Table, Task

_FIELDS = {
    "backbone": "backbone",
    "crop size": "crop_size",
    "lr schd": "lr_schd",
    "memory (gb)": "train_memory_gb",
    "training memory (gb)": "train_memory_gb",
}
"""Keys of Metadata, in lower case -> what they hold."""

_METRICS = {
    normalised(title): name
    for name, metric in METRICS.items()
    if metric.task is not None
    for title in metric.titles
}
"""Keys of Metrics, likewise."""

_NOTED = ("inference time (ms/im)", "inference time (s/im)")
"""A row documents images per second: what is stated per image is noted, not converted."""

_WITHOUT_PLACE = {
    "training data", "training techniques", "training resources", "training time", "architecture",
    "epochs", "iterations", "batch size", "flops", "parameters",
}  # fmt: skip
"""Keys of Metadata that are understood, but say nothing that a manifest's row holds."""

_MODEL_KEYS = {
    "name", "metadata", "results", "weights", "config", "training log", "in collection", "readme",
    "paper", "code", "version", "converted from", "alias", "image", "framework",
}  # fmt: skip

_BACKBONE = re.compile(r"hrnetv2p[_-]w\d+s?|hr\d+s?(?=_)|x101[_-]64x4d[_-]fpn")
"""The part of a configuration's name that stands for the backbone."""


@dataclass(kw_only=True)
class _Model:
    """One model of a metafile, in the metafile's words."""

    place: Place
    name: str
    """Of the configuration, by the checkpoint's file name where that tells it."""
    task: Task
    method: str
    dataset_title: str
    links: Links
    cells: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """What the file calls the cells."""
    notes: list[str] = field(default_factory=list)

    @property
    def heading(self) -> str:
        """Return the heading under which READMEs list such a model."""
        is_by_method = TASKS[self.task].table_of == "method"
        return self.method if is_by_method else self.dataset_title


def read_metafile(path: Path, source: str) -> Iterator[Table | Entry | LeftOut]:
    """Yield the tables of a metafile, or of all that a model-index imports, and their rows.

    A table is one that a README would have, with all columns that one of its models has.

    Args:
        path: the file.
        source: key that the manifest is to have for it.

    Raises:
        ReadmeError: the file cannot be read, is not YAML, or has neither models nor imports.
    """
    tables: dict[str, list[_Model]] = {}
    for found in _models(path):
        if isinstance(found, LeftOut):
            yield found
        else:
            tables.setdefault(found.heading, []).append(found)
    for heading, models in tables.items():
        titles = {c: title for model in reversed(models) for c, title in model.titles.items()}
        columns = {titles[column]: column for column in titles_of_columns() if column in titles}
        table = Table(source=source, heading=heading, task=models[0].task, columns=columns)
        yield table
        for position, model in enumerate(models):
            yield Entry(
                place=model.place,
                table=table,
                position=position,
                linked_name=model.name,
                method=model.method,
                dataset_title=model.dataset_title,
                printed={column: model.cells.get(column, "") for column in columns.values()},
                links=model.links,
                stated=tuple(model.notes),
            )


def _models(path: Path, within: tuple[Path, ...] = ()) -> Iterator[_Model | LeftOut]:
    """Yield the models of a file and of those that it imports.

    Args:
        path: the file.
        within: files that import it, by their full paths.
    """
    root = nodes.compose(read_text(path), str(path))
    listed, imports = nodes.value(root, "Models"), nodes.elements(nodes.value(root, "Import"))
    if listed is None and not imports:
        msg = (
            f'{path} has neither "Models" nor "Import" at its top. Pass a metafile.yml or '
            "model-index.yml of OpenMMLab's form."
        )
        raise ReadmeError(msg)
    for node in nodes.elements(listed):
        place = Place(file=str(path), line=nodes.line_of(node))
        try:
            model = _model(node, place)
        except ReadmeError as error:
            yield LeftOut(place=place, reason=f"{error}; left out")
            continue
        for item, what in _read_cells(node, model):
            place = Place(file=str(path), line=item.line)
            yield LeftOut(place=place, reason=f"{model.name}: {what}; left out")
        if "backbone" not in model.cells:
            label = _BACKBONE.search(model.name)
            model.titles["backbone"] = "Name"
            model.cells["backbone"] = label[0] if label else model.name
        yield model
    for node in imports:
        name = nodes.scalar(node) or ""
        inner = path.parent / name
        trail = (*within, path.resolve())
        try:
            if inner.resolve() in trail:
                raise ReadmeError("the file imports itself")
            yield from list(_models(inner, trail))
        except ReadmeError as error:
            place = Place(file=str(path), line=nodes.line_of(node))
            yield LeftOut(place=place, reason=f'"{name}" cannot be imported: {error}')


def _model(node: yaml.Node, place: Place) -> _Model:
    """Return a model without its cells."""
    stated = nodes.scalar(nodes.value(node, "Name"))
    weights = nodes.scalar(nodes.value(node, "Weights"))
    if stated is None:
        raise ReadmeError('the model has no "Name"')
    if weights is None:
        raise ReadmeError(f'{stated} has no "Weights"')
    if promised_sha256(link_file_name(weights)) is None:
        what = f'"{link_file_name(weights)}" does not end in the first 8 digits of its SHA-256'
        raise ReadmeError(f"{stated}: {what}")
    results = nodes.elements(nodes.value(node, "Results"))
    datasets = {nodes.scalar(nodes.value(result, "Dataset")) for result in results}
    tasks = tasks_of(_METRICS.get(normalised(item.key), "") for item in _metrics(node))
    task = next((task for task in TASKS if task in tasks), None)
    if task is None:
        raise ReadmeError(f"{stated} states no mIoU, box AP or mask AP")
    name = published_name(weights) or stated
    method = method_of(task, name)
    if method is None:
        raise ReadmeError(f"{stated}: no method is known whose names begin like {name}")
    dataset_title = datasets.pop() if len(datasets) == 1 else None
    if dataset_title is None:
        raise ReadmeError(f"{stated} does not state one data set for its results")
    config, log = (nodes.scalar(nodes.value(node, key)) for key in ("Config", "Training log"))
    return _Model(
        place=place,
        name=name,
        task=task,
        method=method,
        dataset_title=dataset_title,
        links=Links(config=config, checkpoint=weights, log=log),
    )


def _metrics(node: yaml.Node) -> list[nodes.Item]:
    results = nodes.elements(nodes.value(node, "Results"))
    return [item for result in results for item in nodes.items(nodes.value(result, "Metrics"))]


def _read_cells(node: yaml.Node, model: _Model) -> Iterator[tuple[nodes.Item, str]]:
    """Take over what a manifest has a field for; yield what was not understood, and why."""
    for item in nodes.items(node):
        if normalised(item.key) not in _MODEL_KEYS:
            yield item, f'the key "{item.key}" is not known'
    for item in nodes.items(nodes.value(node, "Metadata")):
        key = normalised(item.key)
        if key in _NOTED:
            model.notes.append(f'The metafile states "{item.key}": {nodes.flat(item.node)}.')
        elif key in _FIELDS:
            yield from _take(item, _FIELDS[key], model)
        elif key not in _WITHOUT_PLACE:
            yield item, f'the key "{item.key}" of Metadata is not known'
    for item in _metrics(node):
        metric = _METRICS.get(normalised(item.key))
        if metric is None:
            yield item, f'the manifest has no field for the metric "{item.key}"'
        else:
            yield from _take(item, metric, model)


def _take(item: nodes.Item, column: str, model: _Model) -> Iterator[tuple[nodes.Item, str]]:
    text = nodes.scalar(item.node)
    if text is None:
        yield item, f'"{item.key}" is not a single value'
        return
    if column in METRICS:
        try:
            printed_number(text)
        except ValueError as error:
            yield item, f'"{item.key}": {error}'
            return
    model.cells[column], model.titles[column] = text, item.key
