"""What verify computes with on a GPU: recorded where shapes repeat, with the same answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import evaluate
from hrnet_zoo.timing.graphs import Frequent
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

CPU = torch.device("cpu")
ROWS = load_zoo(MANIFEST).rows
IMAGES = 7


class Recordings:
    """Stands for the graphs of all shapes: results stay where they are, and are written over."""

    def __init__(self, function: Callable[[Tensor], Any], device: torch.device, keep: int) -> None:
        del device, keep
        self.function = function
        self.kept: dict[tuple[int, ...], Any] = {}
        self.calls = 0

    def __call__(self, image: Tensor) -> Any:
        self.calls += 1
        for other in self.kept.values():
            for leaf in tree_leaves(other):
                leaf.fill_(0)  # graphs share their memory
        found = self.function(image)
        kept = self.kept.setdefault(tuple(image.shape), found)
        for old, new in zip(tree_leaves(kept), tree_leaves(found), strict=True):
            old.copy_(new)
        return kept


def texts(row: Row, *, recorded: bool, lags: bool) -> tuple[list[dict[str, str]], Any]:
    """Return what is counted in the first images, as text, and what was recorded."""
    task = TASKS[row.task]
    (checkpoint,) = (MANIFEST.parent / "checkpoints").glob(f"{row.name}*")
    loaded = task.networks.load(row.name, row.setup, checkpoint, CPU)
    network, recording = task.networks.network(loaded.model), None
    if recorded:
        made: list[Frequent[Any]] = []

        def change(dense: Callable[[Tensor], Any]) -> Frequent[Any]:
            made.append(Frequent(dense, CPU, record=Recordings))
            return made[0]

        network = task.networks.with_dense(network, change)
        (recording,) = made
    names = (
        ["miou", "miou_ms_flip"]
        if row.task == "segmentation"
        else [next(m.name for m in task.metrics if m.is_default and m.is_accuracy)]
    )
    metrics = [METRICS[name] for name in names]
    samples = task.open_data(row.setup, DATA_ROOT)
    evaluator = task.networks.evaluator(row.setup, samples, network, metrics, CPU)
    with canonical_precision():
        found = list(
            evaluate(evaluator, range(IMAGES), num_workers=1, seconds=StageSeconds(), lags=lags)
        )
    counted = [{k: task.to_text(v) for k, v in result.counted.items()} for result in found]
    return counted, recording


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.setup.task)
def test_answers_are_the_same_recorded_and_awaited_one_image_later(row: Row) -> None:
    plain, _ = texts(row, recorded=False, lags=False)
    recorded, recording = texts(row, recorded=True, lags=True)
    assert recorded == plain
    assert recording._record.calls > 0
