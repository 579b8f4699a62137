"""Planted causes are found, and where there is no single one, none is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from planted_runs import explained, options_in, reached_in, verified
from planting import NOT_SINGLE, PLANTS, copied
from tiny_zoo import document, tiny_networks, tiny_zoo

from hrnet_zoo.runs.explain import explain
from hrnet_zoo.runs.in_question import Asked
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.manifest import load_zoo


@pytest.fixture(scope="module")
def zoo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A zoo of tiny networks that documents what they reach."""
    folder = tiny_zoo(tmp_path_factory.mktemp("tiny"))
    reached = reached_in(folder)

    def documented(name: str) -> tuple[str, float]:
        metric, value = reached(name)
        assert 50 < value < 99, name
        return metric, value

    with tiny_networks():
        document(folder, documented)
        yield folder


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
