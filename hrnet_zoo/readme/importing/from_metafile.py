"""The models of an OpenMMLab metafile, or of a model-index that names some, as entries.

Source:
    OpenMMLab's model-index 0.1.11 (fields of Models, Import); mmdetection 2.x and 3.x and
    mmsegmentation 0.x and 1.x, configs/hrnet/*.yml (what they call the numbers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast, get_args

import yaml

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.files import read_text
from hrnet_zoo.readme.importing import naming
from hrnet_zoo.readme.importing import yaml_nodes as nodes
from hrnet_zoo.readme.importing.entries import Place, Problem
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import METRICS, normalised, tasks_of
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.row import Task

_FIELDS: dict[str, str] = {
    "backbone": "backbone",
    "crop size": "crop_size",
    "lr schd": "lr_schd",
    "memory (gb)": "train_memory_gb",
    "training memory (gb)": "train_memory_gb",
}
"""Keys of Metadata, in small letters -> what they hold."""

_METRICS = {
    normalised(title): name
    for name, metric in METRICS.items()
    if metric.task is not None
    for title in metric.titles
}
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


@dataclass(kw_only=True)
class Model:
    """One model of a metafile, in the metafile's words."""

    place: Place
    name: str
    """Of the configuration, by the checkpoint's file name where that tells it."""
    task: Task
    method: str
    dataset_title: str
    config: str | None
    checkpoint: str
    log: str | None
    cells: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """What the file calls the cells."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Models:
    """What was understood of a metafile, and what was not."""

    models: list[Model] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_models(path: Path, within: tuple[Path, ...] = ()) -> Models:
    """Return the models of a metafile, or of all that a model-index imports.

    Args:
        path: the file.
        within: files that import it, by their full paths.

    Raises:
        ReadmeError: the file cannot be read, is not YAML, or has neither models nor imports.
    """
    root = nodes.compose(read_text(path), str(path))
    listed, imports = nodes.value(root, "Models"), nodes.elements(nodes.value(root, "Import"))
    if listed is None and not imports:
        msg = (
            f'{path} has neither "Models" nor "Import" at its top. Pass a metafile.yml or '
            "model-index.yml of OpenMMLab's form."
        )
        raise ReadmeError(msg)
    found = Models()
    for node in nodes.elements(listed):
        try:
            found.models.append(_model(node, str(path), found.problems))
        except ReadmeError as error:
            place = Place(file=str(path), line=nodes.line_of(node))
            found.problems.append(Problem(place=place, reason=f"{error}; left out"))
    for node in imports:
        _import(path, node, found, (*within, path.resolve()))
    return found


def _import(path: Path, node: yaml.Node, found: Models, within: tuple[Path, ...]) -> None:
    """Add the models of a file that a model-index names; one that cannot be read is a problem."""
    name = nodes.scalar(node) or ""
    try:
        if (path.parent / name).resolve() in within:
            raise ReadmeError("the file imports itself")
        inner = read_models(path.parent / name, within)
    except ReadmeError as error:
        place = Place(file=str(path), line=nodes.line_of(node))
        found.problems.append(Problem(place=place, reason=f'"{name}" cannot be imported: {error}'))
    else:
        found.models.extend(inner.models)
        found.problems.extend(inner.problems)


def _model(node: yaml.Node, file: str, problems: list[Problem]) -> Model:
    name = nodes.scalar(nodes.value(node, "Name"))
    weights = nodes.scalar(nodes.value(node, "Weights"))
    if name is None:
        raise ReadmeError('the model has no "Name"')
    if weights is None:
        raise ReadmeError(f'{name} has no "Weights"')
    if promised_sha256(link_file_name(weights)) is None:
        what = f'"{link_file_name(weights)}" does not end in the first 8 digits of its SHA-256'
        raise ReadmeError(f"{name}: {what}")
    own_name = naming.published_name(weights) or name
    method = naming.method_of(own_name)
    if method is None:
        raise ReadmeError(f"{name}: no method is known whose names begin like {own_name}")
    results = nodes.elements(nodes.value(node, "Results"))
    model = Model(
        place=Place(file=file, line=nodes.line_of(node)),
        name=own_name,
        task=_task(name, results),
        method=method,
        dataset_title=_dataset(name, results),
        config=nodes.scalar(nodes.value(node, "Config")),
        checkpoint=weights,
        log=nodes.scalar(nodes.value(node, "Training log")),
    )
    for item, reason in (*_read_metadata(node, model), *_read_metrics(results, model)):
        problems.append(Problem(place=Place(file=file, line=item.line), reason=reason))
    if "backbone" not in model.cells:
        model.titles["backbone"] = "Name"
        model.cells["backbone"] = naming.label_in_name(own_name) or own_name
    return model


def _task(name: str, results: list[yaml.Node]) -> Task:
    metrics = [
        _METRICS.get(item.key.casefold(), "")
        for result in results
        for item in nodes.items(nodes.value(result, "Metrics"))
    ]
    tasks = [task for task in get_args(Task) if task in tasks_of(metrics)]
    if tasks:
        return cast("Task", tasks[0])
    raise ReadmeError(f"{name} states no mIoU, box AP or mask AP")


def _dataset(name: str, results: list[yaml.Node]) -> str:
    titles = {nodes.scalar(nodes.value(result, "Dataset")) for result in results}
    if len(titles) != 1 or None in titles:
        raise ReadmeError(f"{name} does not state one data set for its results")
    return titles.pop() or ""


def _read_metadata(node: yaml.Node, model: Model) -> Iterator[tuple[nodes.Item, str]]:
    """Take over what a manifest has a field for; yield what was not understood."""
    for item in nodes.items(node):
        if item.key.casefold() not in _MODEL_KEYS:
            yield item, f'{model.name}: the key "{item.key}" is not known; left out'
    for item in nodes.items(nodes.value(node, "Metadata")):
        key = item.key.casefold()
        if key in _NOTED:
            model.notes.append(f'The metafile states "{item.key}": {nodes.flat(item.node)}.')
        elif key in _FIELDS:
            yield from _take(item, _FIELDS[key], model)
        elif key not in _WITHOUT_PLACE:
            yield item, f'{model.name}: the key "{item.key}" of Metadata is not known; left out'


def _read_metrics(results: list[yaml.Node], model: Model) -> Iterator[tuple[nodes.Item, str]]:
    for result in results:
        for item in nodes.items(nodes.value(result, "Metrics")):
            metric = _METRICS.get(item.key.casefold())
            if metric is None:
                what = f'the manifest has no field for the metric "{item.key}"; left out'
                yield item, f"{model.name}: {what}"
            else:
                yield from _take(item, metric, model)


def _take(item: nodes.Item, column: str, model: Model) -> Iterator[tuple[nodes.Item, str]]:
    text = nodes.scalar(item.node)
    if text is None:
        yield item, f'{model.name}: "{item.key}" is no single value; left out'
        return
    if column in METRICS:
        try:
            printed_number(text)
        except ValueError as error:
            yield item, f'{model.name}: "{item.key}": {error}; left out'
            return
    model.cells[column], model.titles[column] = text, item.key
