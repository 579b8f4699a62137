"""The models of an OpenMMLab metafile, or of a model-index that names some, as entries.

Source:
    OpenMMLab's model-index 0.1.11 (fields of Models, Import); mmdetection 2.x and 3.x and
    mmsegmentation 0.x and 1.x, configs/hrnet/*.yml (what they call the numbers).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.importing import yaml_nodes as nodes
from hrnet_zoo.readme.importing.entries import Entry, LeftOut, Place, hash_problem, names_of
from hrnet_zoo.readme.importing.metafile_cells import Cells, cells_of_metadata, take
from hrnet_zoo.readme.names import method_in_name
from hrnet_zoo.readme.results import Links
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.system.foreign import shown
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.zoo.columns import normalised, tasks_of, title_key, titles_of_columns
from hrnet_zoo.zoo.row import Table

_METRICS = {
    title_key(title): name
    for name, metric in METRICS.items()
    if metric.task is not None
    for title in metric.titles
}
"""Keys of Metrics, by `title_key` -> the metric."""

_TASKS = {
    "semantic segmentation": "segmentation",
    "object detection": "detection",
    "instance segmentation": "detection",
    "image classification": "classification",
}
"""What Results call tasks, in lower case; of others, numbers of the same name are other numbers."""

_BACKBONE = re.compile(r"hrnetv2p[_-]w\d+s?|hr\d+s?(?=_)|x101[_-]64x4d[_-]fpn")
"""The part of a configuration's name that stands for the backbone."""

_MOST_FILES = 500
_DEEPEST = 20
"""Files that a model-index can import; those of OpenMMLab import a hundred, one within another."""


@dataclass(frozen=True, kw_only=True)
class _Model:
    """A model as it stands in a file."""

    file: str
    node: yaml.Node
    collection: str | None
    """What the file has it in; the only collection, where it does not say."""

    def text(self, key: str) -> str | None:
        """Return what stands under a key, if it is a single value."""
        return nodes.scalar(nodes.value(self.node, key))

    @property
    def place(self) -> Place:
        """Return where the model begins."""
        return Place(self.file, nodes.line_of(self.node))


def read_metafile(path: Path, source: str) -> Iterator[Table | Entry | LeftOut]:
    """Yield the rows of a metafile, or of all that a model-index imports, and then their tables.

    A table is one that a README would have, with all columns that one of its models has.

    Args:
        path: the file.
        source: key that the manifest is to have for it.

    Raises:
        ReadmeError: the file cannot be read, is not YAML, or has neither models nor imports.
    """
    titles: dict[tuple[str, str], dict[str, str]] = {}
    positions: Counter[tuple[str, str]] = Counter()
    for found in _models(path, set()):
        if isinstance(found, LeftOut):
            yield found
            continue
        entry, called = found
        table = (entry.heading, entry.task)
        if any(heading == entry.heading and task != entry.task for heading, task in titles):
            table = (f"{entry.heading} ({entry.task})", entry.task)
        yield replace(entry, heading=table[0], position=positions[table])
        positions[table] += 1
        titles[table] = called | titles.get(table, {})
    for (heading, task), called in titles.items():
        columns = {called[column]: column for column in titles_of_columns() if column in called}
        yield Table(source=source, heading=heading, task=task, columns=columns)


def _models(
    path: Path, read: set[str], depth: int = 0
) -> Iterator[tuple[Entry, dict[str, str]] | LeftOut]:
    """Yield the models of a file and of those that it imports, with what it calls their cells.

    Args:
        path: the file.
        read: full names of the files that were read before; this one is added.
        depth: how many files one within the other import it.
    """
    root = nodes.compose(read_text(path), str(path))
    read.add(os.path.realpath(path))
    collections = nodes.elements(nodes.value(root, "Collections"))
    imports = nodes.elements(nodes.value(root, "Import"))
    listed = nodes.elements(root if nodes.is_list(root) else nodes.value(root, "Models"))
    keys = ("Models", "Import", "Collections")
    if not nodes.is_list(root) and all(nodes.value(root, key) is None for key in keys):
        msg = (
            f'{path} has neither "Models" nor "Import" at its top. Pass a metafile.yml or '
            "model-index.yml of OpenMMLab's form."
        )
        raise ReadmeError(msg)
    only = nodes.scalar(nodes.value(collections[0], "Name")) if len(collections) == 1 else None
    for node in listed:
        stated = nodes.value(node, "In Collection") or nodes.value(node, "In Collections")
        model = _Model(file=str(path), node=node, collection=nodes.scalar(stated) or only)
        yield from _rows(model)
    for node in imports:
        name = nodes.scalar(node) or ""
        inner = path.parent / name
        try:
            _require_new(inner, read, depth)
            yield from list(_models(inner, read, depth + 1))
        except ReadmeError as error:
            place = Place(str(path), nodes.line_of(node))
            why = re.sub(rf"^{re.escape(str(inner))}:? |\.$", "", str(error))  # named already
            yield LeftOut(place, f'"{shown(name)}" cannot be imported: {why}')


def _require_new(path: Path, read: Set[str], depth: int) -> None:
    """Refuse imports that lead back, or on and on."""
    if "\0" in str(path):
        raise ReadmeError("no file is called so")
    if os.path.realpath(path) in read:
        raise ReadmeError("it was read already")
    if len(read) >= _MOST_FILES or depth >= _DEEPEST:
        msg = f"more than {_MOST_FILES} files, or {_DEEPEST} one within the other"
        raise ReadmeError(msg)


def _rows(model: _Model) -> Iterator[tuple[Entry, dict[str, str]] | LeftOut]:
    """Yield a model's rows: one for each task and data set that it states numbers of."""
    stated = model.text("Name")
    if stated is None:
        yield LeftOut(model.place, 'the model has no "Name"; left out')
        return
    common = cells_of_metadata(model.node, model.collection)
    results: dict[tuple[str, str | None], Cells] = {}
    for result in nodes.elements(nodes.value(model.node, "Results")):
        there = nodes.value(result, "Dataset")
        dataset = None if there is None or nodes.is_null(there) else nodes.flat(there)
        said = nodes.scalar(nodes.value(result, "Task"))
        for item in nodes.all_items(nodes.value(result, "Metrics")):
            column = _METRICS.get(title_key(item.key), "")
            task = next(iter(tasks_of([column])), None)
            if task is None:
                what = f'the manifest has no field for the metric "{item.key}"'
                common.left_out.append((item.line, what))
            elif said is not None and _TASKS.get(normalised(said)) != task:
                what = (
                    f'"{item.key}" of the task "{said}" is another number than hrnet-zoo measures'
                )
                common.left_out.append((item.line, what))
            else:
                cells = results.setdefault((task, dataset), replace(common, printed={}, titles={}))
                take(item, column, cells)
    rows = [(*key, cells) for key, cells in results.items() if cells.printed]
    if not rows:
        titles = ", ".join(METRICS[name].title for name in dict.fromkeys(_METRICS.values()))
        yield LeftOut(model.place, f"{stated} states none of: {titles}; left out")
        return
    for line, what in common.left_out:
        yield LeftOut(Place(model.file, line), f"{stated}: {what}; left out")
    for task, dataset, cells in rows:
        cells.printed.update(common.printed)
        cells.titles.update(common.titles)
        yield _entry(model, task, dataset, cells), cells.titles


def _entry(model: _Model, task: str, dataset: str | None, cells: Cells) -> Entry:
    """Return a row, and add to its cells what the file calls the network."""
    stated = model.text("Name") or ""
    links = Links(*(model.text(key) for key in ("Config", "Weights", "Training log")))
    names = names_of(links) or (stated,)
    method = _method(task, names, model.collection)
    if "backbone" not in cells.printed:
        label = _BACKBONE.search(names[0])
        column, title = ("backbone", "Backbone in Name") if label else ("model", "Name")
        cells.titles[column] = title
        cells.printed[column] = label[0] if label else stated
    by_method = TASKS[task].table_of == "method"
    headings = (method, model.collection, dataset) if by_method else (dataset, model.collection)
    return Entry(
        place=model.place,
        task=task,
        heading=next(filter(None, headings), stated),
        position=0,
        names=names,
        known_name=stated,
        method=method,
        dataset_title=dataset,
        printed=cells.printed,
        links=links,
        file_problem=hash_problem(links.checkpoint),
        stated=tuple(cells.notes),
    )


def _method(task: str, names: tuple[str, ...], collection: str | None) -> str | None:
    """Return the method: what all names begin with, or else the collection, if it is one."""
    told = {method_in_name(task, name.lower()) for name in names}
    if len(told) == 1 and None not in told:
        return told.pop()
    is_backbone = normalised(collection or "") == "hrnet" and "hrnet" not in TASKS[task].methods
    return None if is_backbone else collection
