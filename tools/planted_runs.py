"""Runs of zoos into which causes were planted, and what `explain` says of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from planting import Plant, copied

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.runs.explain import explain
from hrnet_zoo.runs.in_question import Asked, Run
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.verify import verify_row
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.verdicts.explanation import Explanation
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row


def metric_of(row: Row) -> str:
    """Return the accuracy that a row documents."""
    documented = (m for m in TASKS[row.task].metrics if row.documented(m.name) is not None)
    return next(metric.name for metric in documented if metric.is_accuracy)


def options_in(folder: Path, limit: int | None = None) -> MeasureOptions:
    """Return how a zoo in a folder is verified."""
    return MeasureOptions(
        fetch=FetchOptions(cache_dir=folder / "cache"),
        manifest_dir=folder,
        data_folders=DataFolders(root=folder / "data"),
        device="cpu",
        num_workers=1,
        limit=limit,
    )


def verified(folder: Path, row: Row) -> Run:
    """Verify a row of a zoo in a folder."""
    output = folder / "records"
    file = verify_row(row, [metric_of(row)], options_in(folder), output, Silent())
    return Run(record=file.record, path=file.path)


def reached_in(folder: Path) -> Callable[[str], tuple[str, float]]:
    """Return what tells the accuracy of a row of a zoo in a folder, and what it reaches."""
    rows = {row.name: row for row in load_zoo(folder / "zoo.yaml").rows}

    def reached(name: str) -> tuple[str, float]:
        metric = metric_of(rows[name])
        measured = verified(folder, rows[name]).record.measurement(metric)
        assert measured is not None
        assert measured.value is not None
        return metric, measured.value

    return reached


def explained(
    plant: Plant, task: str, source: Path, folder: Path, num_images: int | None = None
) -> Explanation:
    """Plant a cause, verify the row and explain the number."""
    copied(source, folder)
    for change in plant.changes:
        change(folder, task)
    (row,) = load_zoo(folder / "zoo.yaml").select(task=task)
    asked = Asked(
        row=row,
        metric=METRICS[metric_of(row)],
        run=verified(folder, row),
        options=options_in(folder, num_images or TASKS[task].num_probed),
        known=_normalisations(),
    )
    return explain(asked, Silent())


@cache
def _normalisations() -> list[Normalisation]:
    return [row.setup.normalisation for row in load_zoo().rows]
