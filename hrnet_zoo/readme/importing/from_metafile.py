"""The models of an OpenMMLab metafile, or of a model-index that names some, as entries.

Source:
    OpenMMLab's model-index 0.1.11 (fields of Models, Import); mmdetection 2.x and 3.x and
    mmsegmentation 0.x and 1.x, configs/hrnet/*.yml (what they call the numbers).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.importing import yaml_nodes as nodes
from hrnet_zoo.readme.importing.entries import Entry, LeftOut, Place
from hrnet_zoo.readme.names import method_in_name, published_name
from hrnet_zoo.readme.results import Links
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import normalised, tasks_of, titles_of_columns
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import Table

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


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """What a model states that a row prints, and what it says besides."""

    printed: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """What the file calls the cells."""
    notes: list[str] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)
    """Lines that were not understood, and why."""


def read_metafile(path: Path, source: str) -> Iterator[Table | Entry | LeftOut]:
    """Yield the rows of a metafile, or of all that a model-index imports, and then their tables.

    A table is one that a README would have, with all columns that one of its models has.

    Args:
        path: the file.
        source: key that the manifest is to have for it.

    Raises:
        ReadmeError: the file cannot be read, is not YAML, or has neither models nor imports.
    """
    titles: dict[str, dict[str, str]] = {}
    tasks: dict[str, str] = {}
    positions: Counter[str] = Counter()
    for found in _models(path):
        if isinstance(found, LeftOut):
            yield found
            continue
        entry, called = found
        yield replace(entry, position=positions[entry.heading])
        positions[entry.heading] += 1
        tasks.setdefault(entry.heading, entry.task)
        titles[entry.heading] = called | titles.get(entry.heading, {})
    for heading, called in titles.items():
        columns = {called[column]: column for column in titles_of_columns() if column in called}
        yield Table(source=source, heading=heading, task=tasks[heading], columns=columns)


def _models(
    path: Path, within: tuple[Path, ...] = ()
) -> Iterator[tuple[Entry, dict[str, str]] | LeftOut]:
    """Yield the models of a file and of those that it imports, with what it calls their cells.

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
        place = Place(str(path), nodes.line_of(node))
        cells = _cells(node)
        try:
            entry = _entry(node, place, cells)
        except ReadmeError as error:
            yield LeftOut(place, f"{error}; left out")
            continue
        for line, what in cells.left_out:
            yield LeftOut(Place(str(path), line), f"{entry.name}: {what}; left out")
        yield entry, cells.titles
    for node in imports:
        name = nodes.scalar(node) or ""
        inner = path.parent / name
        trail = (*within, path.resolve())
        try:
            if inner.resolve() in trail:
                raise ReadmeError("the file imports itself")
            yield from list(_models(inner, trail))
        except ReadmeError as error:
            place = Place(str(path), nodes.line_of(node))
            yield LeftOut(place, f'"{name}" cannot be imported: {error}')


def _entry(node: yaml.Node, place: Place, cells: _Cells) -> Entry:
    stated, weights, config, log = (
        nodes.scalar(nodes.value(node, key))
        for key in ("Name", "Weights", "Config", "Training log")
    )
    if stated is None:
        raise ReadmeError('the model has no "Name"')
    if weights is None:
        raise ReadmeError(f'{stated} has no "Weights"')
    if promised_sha256(link_file_name(weights)) is None:
        what = f'"{link_file_name(weights)}" does not end in the first 8 digits of its SHA-256'
        raise ReadmeError(f"{stated}: {what}")
    tasks = tasks_of(_METRICS.get(normalised(item.key), "") for item in _metrics(node))
    task = next((task for task in TASKS if task in tasks), None)
    if task is None:
        titles = ", ".join(METRICS[name].title for name in dict.fromkeys(_METRICS.values()))
        raise ReadmeError(f"{stated} states none of: {titles}")
    name = published_name(weights) or stated
    method = method_in_name(task, name)
    if method is None:
        raise ReadmeError(f"{stated}: no method is known whose names begin like {name}")
    results = nodes.elements(nodes.value(node, "Results"))
    datasets = {nodes.scalar(nodes.value(result, "Dataset")) for result in results}
    dataset_title = datasets.pop() if len(datasets) == 1 else None
    if dataset_title is None:
        raise ReadmeError(f"{stated} does not state one data set for its results")
    if "backbone" not in cells.printed:
        label = _BACKBONE.search(name)
        cells.titles["backbone"] = "Name"
        cells.printed["backbone"] = label[0] if label else name
    return Entry(
        place=place,
        task=task,
        heading=method if TASKS[task].table_of == "method" else dataset_title,
        position=0,
        linked_name=name,
        method=method,
        dataset_title=dataset_title,
        printed=cells.printed,
        links=Links(config=config, checkpoint=weights, log=log),
        stated=tuple(cells.notes),
    )


def _metrics(node: yaml.Node) -> list[nodes.Item]:
    results = nodes.elements(nodes.value(node, "Results"))
    return [item for result in results for item in nodes.items(nodes.value(result, "Metrics"))]


def _cells(node: yaml.Node) -> _Cells:
    """Return what a manifest has a field for, and what was not understood."""
    cells = _Cells()
    for item in nodes.items(node):
        if normalised(item.key) not in _MODEL_KEYS:
            cells.left_out.append((item.line, f'the key "{item.key}" is not known'))
    for item in nodes.items(nodes.value(node, "Metadata")):
        key = normalised(item.key)
        if key in _NOTED:
            cells.notes.append(f'The metafile states "{item.key}": {nodes.flat(item.node)}.')
        elif key in _FIELDS:
            _take(item, _FIELDS[key], cells)
        elif key not in _WITHOUT_PLACE:
            cells.left_out.append((item.line, f'the key "{item.key}" of Metadata is not known'))
    for item in _metrics(node):
        if metric := _METRICS.get(normalised(item.key)):
            _take(item, metric, cells)
        else:
            what = f'the manifest has no field for the metric "{item.key}"'
            cells.left_out.append((item.line, what))
    return cells


def _take(item: nodes.Item, column: str, cells: _Cells) -> None:
    text = nodes.scalar(item.node)
    if text is None:
        cells.left_out.append((item.line, f'"{item.key}" is not a single value'))
        return
    try:
        if column in METRICS:
            printed_number(text)
    except ValueError as error:
        cells.left_out.append((item.line, f'"{item.key}": {error}'))
    else:
        cells.printed[column], cells.titles[column] = text, item.key
