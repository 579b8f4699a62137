"""Planted causes are found, and where there is no single one, none is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from planting import NOT_SINGLE, PLANTS, Plant, copied
from tiny_zoo import document, tiny_networks, tiny_zoo

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

NORMALISATIONS = [row.setup.normalisation for row in load_zoo().rows]


def metric_of(row: Row) -> str:
    documented = (m for m in TASKS[row.task].metrics if row.documented(m.name) is not None)
    return next(metric.name for metric in documented if metric.is_accuracy)


def options_in(folder: Path, limit: int | None = None) -> MeasureOptions:
    return MeasureOptions(
        fetch=FetchOptions(cache_dir=folder / "cache"),
        manifest_dir=folder,
        data_folders=DataFolders(root=folder / "data"),
        device="cpu",
        num_workers=1,
        limit=limit,
    )


def verified(folder: Path, row: Row) -> Run:
    output = folder / "records"
    file = verify_row(row, [metric_of(row)], options_in(folder), output, Silent())
    return Run(record=file.record, path=file.path)


@pytest.fixture(scope="module")
def zoo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A zoo of tiny networks that documents what they reach."""
    folder = tiny_zoo(tmp_path_factory.mktemp("tiny"))
    rows = {row.name: row for row in load_zoo(folder / "zoo.yaml").rows}

    def reached(name: str) -> tuple[str, float]:
        metric = metric_of(rows[name])
        measured = verified(folder, rows[name]).record.measurement(metric)
        assert measured is not None
        assert measured.value is not None
        assert 50 < measured.value < 99, name
        return metric, measured.value

    with tiny_networks():
        document(folder, reached)
        yield folder


def explained(plant: Plant, task: str, source: Path, folder: Path) -> Explanation:
    copied(source, folder)
    for change in plant.changes:
        change(folder, task)
    (row,) = load_zoo(folder / "zoo.yaml").select(task=task)
    asked = Asked(
        row=row,
        metric=METRICS[metric_of(row)],
        run=verified(folder, row),
        options=options_in(folder, limit=TASKS[task].num_probed),
        known=NORMALISATIONS,
    )
    return explain(asked, Silent())


def test_a_record_alone_tells_of_labels(zoo_folder: Path, tmp_path: Path) -> None:
    copied(zoo_folder, tmp_path)
    (permuted,) = (p for p in PLANTS["segmentation"] if p.name == "classes permuted")
    permuted.changes[0](tmp_path, "segmentation")
    (row,) = load_zoo(tmp_path / "zoo.yaml").select(task="segmentation")
    run = verified(tmp_path, row)
    options = replace(options_in(tmp_path), data_folders=DataFolders(root=None))
    found = explain(
        Asked(row=row, metric=METRICS["miou"], run=run, options=options, known=()), Silent()
    )
    assert found.named is not None
    assert "sky is road" in found.named.cause.change
    assert found.seed is None
    assert found.num_images == row.setup.num_images
    # All images count, so that nothing is left to chance.
    assert found.named.low == found.named.high == found.named.closes


@pytest.mark.parametrize("task", PLANTS)
def test_planted_causes_are_named_and_others_are_not(
    task: str, zoo_folder: Path, tmp_path: Path
) -> None:
    assert len(PLANTS[task]) >= 8
    missed = []
    for number, plant in enumerate((*PLANTS[task], *NOT_SINGLE[task])):
        found = explained(plant, task, zoo_folder, tmp_path / str(number))
        named = found.named
        if plant.family is None:
            assert named is None, plant.name
        elif named is None or named.cause.family != plant.family:
            missed.append((plant.name, named, found.why_not))
        else:
            assert plant.says in named.cause.change
    assert len(missed) <= 1, missed
