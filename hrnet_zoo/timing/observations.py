"""What is observed when latencies are taken: samples, agreement, and the machine meanwhile.

The words of a record; medians and speed-ups are computed from them.
"""

from __future__ import annotations

import math
import statistics
from itertools import accumulate, pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hrnet_zoo.system.strict import Part

Engine = Literal["torch", "compile", "cudagraph", "openvino", "onnxruntime", "tensorrt"]
Precision = Literal["fp32", "tf32", "bf16", "fp16"]
Weights = Literal["filled", "published", "own"]
Seconds = Annotated[float, Field(ge=1e-9, le=1e9)]
"""A latency. Whatever is beyond is not one, and would make ratios and milliseconds infinite."""

Layout = Literal["contiguous", "channels_last"]
"""How maps lie in memory: a plane for each channel, or the channels of a pixel side by side."""
Outcome = Literal["timed", "refused", "unavailable"]


class InputTimed(Part):
    """What went through the network, of one image."""

    images: list[str]
    """Names of the images; the first is timed, agreement is over all."""
    image_size: tuple[int, int]
    """(height, width) of the timed image."""
    network_input: tuple[int, int]
    """(height, width) of what the network gets of it; windows are cut from that."""
    scale: tuple[int, int]
    """Box (width, height) of the keep-ratio resize."""
    is_documented_scale: bool
    window: tuple[int, int] | None = None
    """(height, width) of sliding windows."""


class LayoutMeasured(Part):
    """The layout that a network is faster in, and the medians of its seconds in both."""

    layout: Layout
    contiguous_s: Seconds | None = None
    """None for both where it was known beforehand."""
    channels_last_s: Seconds | None = None


class Agreement(Part):
    """How far a variant gives what the documented way gives, on the same inputs."""

    share: float
    """Of equal labels, or of matched detections: same label, IoU at least 0.99 or corners within
    0.05 pixels, score within 1e-3; masks are not compared."""
    num_compared: int
    """Labels, or detections in the longer of both lists."""
    largest_logit_difference: float | None = None
    """Segmentation only; None also if it is not a finite number."""


class Calibration(Part):
    """How alike answers in FP32 had to be, on a GPU."""

    agreement: Agreement
    """Of the documented way with itself, computed in another memory layout."""
    least: float
    """The share that was asked for."""


class VariantTimed(Part):
    """One way to compute a row, and how long it took."""

    name: str
    engine: Engine
    precision: Precision
    batch: int = 1
    """How often the timed image goes through the network together."""
    description: str
    """What is timed, and how it is computed."""
    outcome: Outcome
    """"refused": FP32, but too little agreement; it was not timed then."""
    reason: str | None = None
    """Why it was not timed."""
    agreement: Agreement | None = None
    """None for the documented way itself, and where nothing could be run."""
    warm_up_s: list[Seconds] = []
    """Latencies that do not count."""
    is_warm: bool = False
    """Whether the rolling median was stable when the samples began."""
    seconds: list[Seconds] = []
    """All latencies, of whole batches, in the order taken; the i-th samples of all variants are of
    one round."""
    processes: list[Annotated[int, Field(ge=1)]] = []
    """How many of these each process took, in turn; empty: all are of one."""
    bytes_moved: int | None = None
    """What torch's operators read and write for a whole batch, each its inputs and results once;
    None if the engine fuses operators, which then move fewer."""
    gpu_busy: float | None = None
    """Share of the time in which the GPU computed or copied, seen once more after the samples were
    taken; None on a CPU."""

    @model_validator(mode="after")
    def _add_up(self) -> Self:
        if self.processes and sum(self.processes) != len(self.seconds):
            msg = f"{len(self.seconds)} latencies are not those of processes {self.processes}"
            raise ValueError(msg)
        return self

    @property
    def title(self) -> str:
        """Return its name, with the batch if that is not 1."""
        return self.name if self.batch == 1 else f"{self.name}, batch {self.batch}"

    @property
    def by_process(self) -> list[list[float]]:
        """Return the latencies that each process took; nothing if there are none."""
        ends = [0, *accumulate(self.processes or [len(self.seconds)])]
        parts = (self.seconds[begin:end] for begin, end in pairwise(ends))
        return [part for part in parts if part]

    @property
    def process_medians(self) -> list[float]:
        """Return the median latency of each process."""
        return [statistics.median(part) for part in self.by_process]

    @property
    def latency_s(self) -> float:
        """Return the geometric mean of the medians of processes; there must be one."""
        medians = self.process_medians
        return statistics.geometric_mean(medians) if len(medians) > 1 else medians[0]


class TrainedFigure(Part):
    """What a lower precision does to a trained network over a whole data set: the demo's.

    Random weights exaggerate disagreement, and say nothing about accuracy.
    """

    precision: Precision
    network: str
    """Name of the demo's row."""
    num_images: int
    metric: str
    fp32: float
    """mIoU or AP in FP32, percent."""
    lower: float
    """The same in the lower precision."""
    agreement: Agreement
    """Of the lower precision with FP32."""


class SamplingUsed(Part):
    """How long was sampled, and why no longer."""

    limit_s: float
    precision: float
    """Asked-for distance of the interval's ends from the median, as a share of it."""
    stopped_by: Literal["precision", "time", "rounds", "failure"]
    elapsed_s: float


_SHARED = 0.05
"""Of the processors: what others may keep busy before a run counts as shared. On a large machine a
process or two besides hardly matter."""

_HELD_BACK = 0.01
"""Of the time: for how long limits may lower a GPU's clocks before it counts as throttled. Medians
do not notice less."""

DOCUMENTED = "documented"
WITH_LOADING = "documented-loading"
"""Names of the documented variants; of detectors there are two."""

CLOCK_SETTINGS = ("application clocks", "display clocks")
"""What NVML gives as reasons for lower clocks although somebody chose them: the GPU keeps to these
clocks, which makes it no worse to measure on."""


class GpuState(Part):
    """A GPU at one moment, as NVML tells it; None is what it does not tell."""

    sm_clock_mhz: int | None
    max_sm_clock_mhz: int | None
    memory_clock_mhz: int | None
    temperature_c: int | None
    throttle_reasons: list[str] | None
    other_processes: int | None
    """Processes that compute on it, without this one; None also where this one is not listed, as in
    containers, whose process numbers are not those of the host."""


class MachineState(Part):
    """What else went on, while sampling; None is what this system does not tell."""

    num_processors: int
    load_before: float | None
    """Processes that wanted to run, average over the minute before; this one's own count, too."""
    load_after: float | None
    others: float | None
    """Processors that other processes kept busy, on average."""
    gpu_before: GpuState | None = None
    gpu_after: GpuState | None = None
    gpu_clocks_lowered_by: list[str] = []
    """Reasons seen in between, in looks about once a second."""
    gpu_held_back_s: dict[str, float] = {}
    """Seconds of it in which each limit lowered the clocks, as far as this GPU counts them."""
    watched_s: float | None = None
    """Seconds from the first look to the last; None in old records."""
    gpu_not_read: str | None = None
    """Why a GPU's state was not read."""
    gpu_clock_mhz: int | None = None
    """Median of the clocks of its multiprocessors in these looks; None without any, in old records
    and on CPUs."""

    @property
    def was_shared(self) -> bool:
        """Whether other processes kept so many processors busy that latencies say little."""
        return self.others is not None and self.others > _SHARED * self.num_processors

    @property
    def gpu_states(self) -> list[GpuState]:
        """Return the states that were read."""
        return [state for state in (self.gpu_before, self.gpu_after) if state is not None]

    @property
    def throttled_by(self) -> list[str]:
        """Return what slowed the GPU down at any time, settings aside."""
        return [reason for reason in self._reasons() if reason not in CLOCK_SETTINGS]

    @property
    def clocks_set_by(self) -> list[str]:
        """Return the settings that kept the GPU's clocks below its highest."""
        return [reason for reason in self._reasons() if reason in CLOCK_SETTINGS]

    @property
    def trouble(self) -> str | None:
        """Return why latencies say nothing about the machine itself, or None."""
        if any(state.other_processes for state in self.gpu_states):
            return "the GPU was shared"
        if self.throttled_by:
            return "the GPU was throttled"
        return "the machine was shared" if self.was_shared else None

    @property
    def unknown(self) -> str | None:
        """Return what nobody knows of the machine, so that it is not called undisturbed, or None.

        With neither this nor `trouble`, it was undisturbed.
        """
        if self.gpu_not_read is not None:
            return f"the state of the GPU was not read ({self.gpu_not_read})"
        if any(state.other_processes is None for state in self.gpu_states):
            return "whether other processes computed on the GPU could not be told"
        if any(state.throttle_reasons is None for state in self.gpu_states):
            return "whether the GPU was throttled could not be told"
        if self.others is None:
            return "how busy other processes kept the machine could not be told"
        return None

    def _reasons(self) -> list[str]:
        reasons = [reason for state in self.gpu_states for reason in state.throttle_reasons or ()]
        held_back = [
            reason
            for reason, seconds in self.gpu_held_back_s.items()
            if self.watched_s and seconds > _HELD_BACK * self.watched_s
        ]
        return list(dict.fromkeys([*reasons, *self.gpu_clocks_lowered_by, *held_back]))


class TwinSamples(Part):
    """The documented way, timed against itself."""

    first_s: list[Seconds]
    second_s: list[Seconds]
    separate: bool = False
    """Whether in two processes, one after the other; in old records they took turns in one."""

    @property
    def difference(self) -> float:
        """Return the logarithm of the ratio of their medians."""
        return math.log(statistics.median(self.second_s) / statistics.median(self.first_s))


class Work(Part):
    """What the network computes, and what the machine can."""

    multiply_adds: int
    """Of convolutions and matrix products for one image, as torch counts them."""
    peak_gflops: float
    """10^9 operations per second (two per multiply-add), in the better of a large float32 matrix
    product and a large convolution."""
    other_gflops: dict[Precision, float] = {}
    """The same in the other precisions that were timed."""
    copy_gbs: float | None = None
    """10^9 bytes read or written per second in a copy of a large tensor."""
    pinned_upload_gbs: float | None = None
    """10^9 bytes per second from pinned memory of the host to the GPU; None on a CPU."""
    pageable_upload_gbs: float | None = None
    """The same from ordinary memory, which the driver copies into pinned memory first."""
