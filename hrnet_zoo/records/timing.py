"""What one run of `time` observed: every latency, and what it was taken under.

Medians and speed-ups are computed from it, as verdicts are.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from hrnet_zoo.records.accuracy import CheckpointUsed
from hrnet_zoo.records.base import Record
from hrnet_zoo.system.strict import Part
from hrnet_zoo.timing.observations import (
    Calibration,
    Engine,
    InputTimed,
    LayoutMeasured,
    MachineState,
    Precision,
    SamplingUsed,
    TrainedFigure,
    TwinSamples,
    VariantTimed,
    Weights,
    Work,
)


class TimingAsked(Part):
    """What the user asked `time` for."""

    engines: list[Engine]
    precisions: list[Precision]
    batch: int
    """Images that go through the network together in fast variants."""
    scale: tuple[int, int] | None
    """Box (width, height) of the resize; None: the documented one."""
    num_images: int
    """Images of the user's own; 0: one was drawn."""
    num_threads: int | None
    """None: torch's choice."""
    limit_s: float
    """Seconds of sampling."""
    num_twins: int
    """How often the documented way was to be timed against itself; 0: not at all."""
    processes: int = 1
    """That each took samples of all variants, one after the other."""
    device: str


class TimingRecord(Record):
    """One run of `time` on one row."""

    kind: Literal["timing"] = "timing"
    task: str
    documented_fps: str | None
    """As printed; measured by the authors on another machine."""
    finished_at: AwareDatetime
    asked: TimingAsked | None = None
    """None in records of version 1, which do not say."""
    device: str
    num_threads: int
    """Threads torch uses within one operation on the CPU."""
    keeps_freed_memory: bool = False
    """Whether large blocks were used again rather than mapped anew; faster on CPUs."""
    weights: Weights
    checkpoint: CheckpointUsed | None = None
    """None for filled weights."""
    input: InputTimed
    sampling: SamplingUsed | None
    """None if only twins were timed."""
    variants: list[VariantTimed]
    twins: list[TwinSamples] = []
    layouts: dict[Precision, LayoutMeasured] = {}
    """Of the fast variants, by precision, where the faster one had to be measured: on a GPU."""
    calibration: Calibration | None = None
    """None where kernels differ by no more than the usual bar allows: on CPUs."""
    trained: list[TrainedFigure] = []
    """One for each lower precision that was timed."""
    work: Work | None = None
    machine: MachineState
    """While sampling, not while making ready."""
    later_machines: list[MachineState] = []
    """The same while the second process and those after it did."""

    @property
    def machines(self) -> list[MachineState]:
        """Return the states while each process sampled."""
        return [self.machine, *self.later_machines]

    @property
    def trouble(self) -> str | None:
        """Return why latencies say nothing about the machine itself, or None."""
        return next(filter(None, (machine.trouble for machine in self.machines)), None)

    @property
    def unknown(self) -> str | None:
        """Return what is not known of the machine meanwhile, or None."""
        if self.device != "cpu" and not any(
            machine.gpu_states or machine.gpu_not_read for machine in self.machines
        ):
            return "the state of the GPU was not read"
        said = next(filter(None, (machine.unknown for machine in self.machines)), None)
        has_clocks = all(machine.gpu_clock_mhz is not None for machine in self.machines)
        if said is None and self.device != "cpu" and not has_clocks:
            return "the clocks of the GPU were not read while it computed"
        return said
