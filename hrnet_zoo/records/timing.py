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
