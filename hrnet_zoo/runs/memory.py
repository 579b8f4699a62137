"""The memory of rows: predicted everywhere, measured where there is a GPU, then judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.memory.peaks import GIB, MeasuredPeak, measured_peak, predicted_peak
from hrnet_zoo.memory.use import MemoryUse
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.verdicts.memory import MemoryJudgement, judge_memory
from hrnet_zoo.zoo.row import Row

_CPU = torch.device("cpu")
"""Where fake tensors pretend to be; their sizes are the same everywhere."""


@dataclass(frozen=True, kw_only=True)
class RowMemory:
    """What one row takes, and how the numbers came about."""

    row: Row
    training: MemoryUse
    predicted: int
    """Bytes of one training step under fake tensors."""
    measured: MeasuredPeak | None
    """One real training step; None without a GPU."""
    inference: MemoryUse
    inference_predicted: int
    """Bytes of one inference under fake tensors."""
    inference_measured: MeasuredPeak | None
    """One real inference; None without a GPU."""
    judgement: MemoryJudgement
    problem: str | None = None
    """Why nothing could be measured, although there is a GPU."""


@dataclass(frozen=True, kw_only=True)
class _Peaks:
    """The peaks of all work done so far: rows often share theirs."""

    device: torch.device | None
    """The GPU to measure on, or None."""
    predicted: dict[object, int] = field(default_factory=dict)
    measured: dict[object, MeasuredPeak] = field(default_factory=dict)

    def predict(self, work: MemoryUse) -> int:
        if work not in self.predicted:
            self.predicted[work] = predicted_peak(partial(work.prepare, _CPU))
        return self.predicted[work]

    def measure(self, work: MemoryUse, what: str) -> MeasuredPeak | None:
        if self.device is None:
            return None
        if work not in self.measured:
            prepare: Callable[[], Callable[[], object]] = partial(work.prepare, self.device)
            self.measured[work] = measured_peak(prepare, self.device, what)
        return self.measured[work]


def memory_of(rows: Sequence[Row], device: torch.device, progress: Progress) -> Iterator[RowMemory]:
    """Yield the memory of each row in turn.

    Args:
        rows: those that train alike are worked on once.
        device: a GPU to measure on as well, or the CPU.
        progress: is told how many rows are done.
    """
    peaks = _Peaks(device=device if device.type == "cuda" else None)
    progress.begin("memory", len(rows), "rows")
    for done, row in enumerate(rows):
        progress.update(done)
        yield _memory_of_row(row, peaks)
    progress.update(len(rows))


def _memory_of_row(row: Row, peaks: _Peaks) -> RowMemory:
    task = TASKS[row.task]
    training, inference = task.training(row.setup), task.inference(row.setup)
    measured = inference_measured = problem = None
    try:
        measured = peaks.measure(training, _describe(row, training))
        inference_measured = peaks.measure(inference, f"{row.name}: inference")
    except PrerequisiteError as error:
        problem = str(error)
    predicted = peaks.predict(training)
    return RowMemory(
        row=row,
        training=training,
        predicted=predicted,
        measured=measured,
        inference=inference,
        inference_predicted=peaks.predict(inference),
        inference_measured=inference_measured,
        judgement=judge_memory(
            row,
            predicted_gib=predicted / GIB,
            measured_gib=measured.allocated / GIB if measured else None,
        ),
        problem=problem,
    )


def _describe(row: Row, training: MemoryUse) -> str:
    height, width = training.size
    return f"{row.name}: one training step on {training.samples} images of {height} x {width}"
