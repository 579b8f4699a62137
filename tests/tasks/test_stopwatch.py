"""Times of a GPU's stages are asked for only once the GPU is past them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import evaluate
from hrnet_zoo.tasks.stopwatch import Stopwatch
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
ROWS = load_zoo(MANIFEST).rows


class FakeGpu:
    """Takes a tenth of a second from one event to the next, and is late by all of its work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told = self.reached = 0
        gpu = self

        class Event:
            def __init__(self, **_: object) -> None:
                self.number = 0

            def record(self, _stream: object) -> None:
                gpu.told += 1
                self.number = gpu.told

            def elapsed_time(self, other: Event) -> float:
                assert other.number <= gpu.reached, "the GPU is not past it"
                return 100.0 * (other.number - self.number)

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda _device: None)

    def sent_back(self, result: Tensor) -> Callable[[], Tensor]:
        self.told += 1
        number = self.told

        def receive() -> Tensor:
            self.reached = max(self.reached, number)
            return result

        return receive


def test_stages_are_summed_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, seconds = FakeGpu(monkeypatch), StageSeconds(post=1.0)
    for _ in range(2):
        watch = Stopwatch(CUDA)
        watch.lap("forward")
        watch.lap("post")
        gpu.sent_back(torch.zeros(1))()
        watch.add_to(seconds)
    assert seconds.forward == pytest.approx(0.2)
    assert seconds.post == pytest.approx(1.2)


@pytest.mark.parametrize("row", [ROWS[0], ROWS[2]], ids=lambda row: row.setup.task)
def test_evaluations_wait_for_the_answer_and_then_know_all_times(
    monkeypatch: pytest.MonkeyPatch, row: Row
) -> None:
    task = TASKS[row.task]
    module = f"hrnet_zoo.tasks.{row.task}.evaluation"
    (checkpoint,) = (MANIFEST.parent / "checkpoints").glob(f"{row.name}*")
    loaded = task.networks.load(row.name, row.setup, checkpoint, CPU)
    metric: Any = next(m for m in task.metrics if m.is_default and m.is_accuracy)
    samples, network = task.open_data(row.setup, DATA_ROOT), task.networks.network(loaded.model)
    evaluator = task.networks.evaluator(row.setup, samples, network, [METRICS[metric.name]], CPU)
    gpu, seconds = FakeGpu(monkeypatch), StageSeconds()
    monkeypatch.setattr(f"{module}.Stopwatch", lambda _device: Stopwatch(CUDA))
    monkeypatch.setattr(f"{module}.sent_back", gpu.sent_back)
    assert len(list(evaluate(evaluator, range(2), num_workers=1, seconds=seconds, lags=True))) == 2
    assert seconds.forward == pytest.approx(0.2)
