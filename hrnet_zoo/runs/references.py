"""Which reference images a row's architecture is tested on. This imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import hrnet_zoo
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.reference import Reference
from hrnet_zoo.zoo.row import Row

FOLDER = Path(hrnet_zoo.__file__).parent / "reference"
"""Where images and upstream's answers lie."""


def all_references() -> list[Reference]:
    """Return all references; those with one network follow each other."""
    entries = json.loads((FOLDER / "references.json").read_text(encoding="utf-8"))
    return [
        Reference(setup=TASKS[task].setup.model_validate(setup), **rest)
        for entry in entries
        for task, setup, rest in [(entry.pop("task"), entry.pop("setup"), entry)]
    ]


def references_for(row: Row, metrics: Iterable[Metric]) -> list[Reference]:
    """Return what tells whether a row's metrics are measured as upstream's own code would.

    Args:
        row: the network may have another width or number of classes than the reference's.
        metrics: those of images; each protocol of theirs is tested, windows only for a row that has
            them.

    Returns:
        None for an architecture of somebody's own.
    """
    task, protocols = TASKS[row.task], {metric.protocol for metric in metrics}
    return [
        reference
        for reference in all_references()
        if reference.setup.architecture == row.setup.architecture
        and reference.protocol in protocols
        and (task.slides(row.setup) or not task.slides(reference.setup))
    ]
