"""The memory of rows: predicted everywhere, measured where there is a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.memory.peaks import MeasuredPeak, measured_peak, predicted_peak
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.records.files import beginning, new_record_path, now, write_record
from hrnet_zoo.records.memory import MemoryAsked, MemoryRecord, Peaks, TrainingPeaks
from hrnet_zoo.settings import torch_variables
from hrnet_zoo.system.devices import describe_device, resolve_device
from hrnet_zoo.system.environment import Environment, describe_environment
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.row import Row

_CPU = torch.device("cpu")
"""Where fake tensors pretend to be: their sizes are the same everywhere, and this needs no CUDA."""


class _Known:
    """The peaks of all work done so far on a GPU or the CPU: rows often share theirs."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._predicted: dict[Workload, int] = {}
        self._measured: dict[Workload, MeasuredPeak] = {}

    def peaks(self, work: Workload, measured: MeasuredPeak | None) -> dict[str, Any]:
        """Return a record's words for some work."""
        if work not in self._predicted:
            self._predicted[work] = predicted_peak(partial(work.prepare, _CPU))
        return {
            "predicted": self._predicted[work],
            "measured": measured and measured.allocated,
            "tensors": measured and measured.tensors,
            "reserved": measured and measured.reserved,
            "assumptions": list(work.assumptions),
        }

    def measure(self, work: Workload, what: str) -> MeasuredPeak | None:
        if self.device.type != "cuda":
            return None
        if work not in self._measured:
            prepare: Callable[[], Callable[[], object]] = partial(work.prepare, self.device)
            self._measured[work] = measured_peak(prepare, self.device, what)
        return self._measured[work]


def memory_of(
    rows: Sequence[Row],
    device: str,
    output: Path,
    shown: Callable[[], AbstractContextManager[Progress]],
) -> Iterator[tuple[MemoryRecord, Path]]:
    """Find out the memory of each row in turn; yield its record and the file that it is in.

    Args:
        rows: those that train alike are worked on once.
        device: as the user named it; a GPU is measured on as well.
        output: folder of the records.
        shown: shows progress while a row is worked on, and nothing when it is yielded.

    Raises:
        PrerequisiteError: there is no such device.
        RecordError: a record cannot be written.
    """
    with shown() as progress:
        asked, known = MemoryAsked(device=device), _Known(resolve_device(device, progress))
    environment = describe_environment(torch_variables())
    for done, row in enumerate(rows, 1):
        started_at, remarks = beginning(output, row.name, "memory")
        path = new_record_path(output, row.name, started_at, "memory")
        try:
            with shown() as progress:
                for remark in remarks:
                    progress.say(f"{row.name}: {remark}")
                progress.begin(f"{row.name}: memory, row {done} of {len(rows)}", None, "")
                record = _memory_of_row(row, asked, known, started_at, environment)
            write_record(record, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        yield record, path


def _memory_of_row(
    row: Row, asked: MemoryAsked, known: _Known, started_at: datetime, environment: Environment
) -> MemoryRecord:
    task = TASKS[row.task]
    training = task.networks.training.of(row.setup)
    inference = task.networks.inference.of(row.setup)
    measured = inference_measured = problem = None
    try:
        images = f"{training.samples} images of {training.size[0]} x {training.size[1]}"
        measured = known.measure(training, f"{row.name}: one training step on {images}")
        inference_measured = known.measure(inference, f"{row.name}: inference")
    except PrerequisiteError as error:
        problem = str(error)
    documented = row.documented("train_memory_gb")
    return MemoryRecord(
        row=row.name,
        edition=row.edition,
        task=row.task,
        documented=None if documented is None else str(documented),
        started_at=started_at,
        finished_at=max(started_at, now()),
        asked=asked,
        device=describe_device(known.device),
        training=TrainingPeaks(
            **known.peaks(training, measured), samples=training.samples, size=training.size
        ),
        inference=Peaks(**known.peaks(inference, inference_measured)),
        problem=problem,
        environment=environment,
    )
