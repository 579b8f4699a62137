"""What may limit a variant, looked for once its latencies are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch.profiler import ProfilerActivity, profile

from hrnet_zoo.errors import ZooError
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import Precision, Work
from hrnet_zoo.timing.sampling import Subject
from hrnet_zoo.timing.traffic import bytes_moved
from hrnet_zoo.timing.variants import Recipe, in_one_line
from hrnet_zoo.timing.work import copy_gbs, multiply_adds, peak_gflops

_DIGITS = 4
_RUNS = 5
"""That are recorded to see how busy a GPU is."""

Seen = TypeVar("Seen")
Interval = tuple[float, float]
"""Begin and end, in any unit."""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What one more look at a variant told; None is what could not be told."""

    bytes_moved: int | None = None
    """Read and written for a whole batch."""
    gpu_busy: float | None = None
    """Share of the time."""


def observe(
    recipe: Recipe,
    subject: Subject,
    seconds: Sequence[float],
    device: torch.device,
    progress: Progress,
) -> Observed:
    """Run a variant again, to count its bytes and to see how busy it keeps a GPU.

    Args:
        recipe: what makes the variant.
        subject: the variant.
        seconds: its latencies. Recording kernels slows their launches, so the time that they took
            is held against what a run took unrecorded.
        device: where it runs.
        progress: is told what could not be seen.
    """
    progress.begin(f"looking for what limits {recipe.name}", None, "")

    def count() -> int:
        with subject.settings():
            return bytes_moved(subject.run)

    failure = f"{recipe.name}: what limits it is not fully known"
    busy = _if_possible(lambda: gpu_busy_seconds(subject, device), failure, progress)
    # Each eager variant is counted by itself: folding BatchNorm takes a fourth of the bytes away,
    # so that those of the documented network would flatter the others.
    moved = _if_possible(count, failure, progress) if recipe.engine == "torch" else None
    share = None if busy is None else round(min(1.0, busy / median(seconds)), _DIGITS)
    return Observed(bytes_moved=moved, gpu_busy=share)


def measure_work(
    first_pass: Callable[[], object],
    precisions: Iterable[Precision],
    device: torch.device,
    progress: Progress,
) -> Work | None:
    """Count what the documented network computes, and measure what the machine can do at most."""
    progress.begin("measuring the ceilings", None, "")

    def measure() -> Work:
        return Work(
            multiply_adds=multiply_adds(first_pass),
            peak_gflops=round(peak_gflops(device), 3),
            other_gflops={
                precision: round(peak_gflops(device, precision), 3)
                for precision in dict.fromkeys(precisions)
                if precision != "fp32"
            },
            copy_gbs=round(copy_gbs(device), 3),
        )

    return _if_possible(measure, "what the machine can do at most was not measured", progress)


def _if_possible(look: Callable[[], Seen | None], failure: str, progress: Progress) -> Seen | None:
    """Return what is seen, or None: the latencies are taken, and worth keeping without it."""
    try:
        return look()
    except (ZooError, RuntimeError, MemoryError) as error:
        reason = "no memory is left for it" if is_out_of_memory(error) else in_one_line(error)
        progress.say(f"{failure}: {reason}")
        return None


def gpu_busy_seconds(subject: Subject, device: torch.device) -> float | None:
    """Return for how many seconds of a subject's run kernels or copies were at work on the GPU.

    Recording them slows their launches, but not themselves. This was written without a GPU at hand,
    and never run on one by its authors.

    Returns:
        Seconds per run; None on a CPU, and where the driver lets nobody see what runs.
    """
    if device.type != "cuda":
        return None
    with subject.settings():
        # The first recording sets itself up meanwhile, and may miss what runs until then.
        _record(subject, device)
        intervals = _record(subject, device)
    return covered(intervals) / _RUNS if intervals else None


def _record(subject: Subject, device: torch.device) -> list[Interval]:
    """Return when the GPU computed or copied during the runs, in seconds."""
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        for _ in range(_RUNS):
            subject.run()
        torch.cuda.synchronize(device)
    # Times are in microseconds. Annotations span kernels and the gaps between them.
    return [
        (event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in recorded.events() or ()
        if event.device_type.name == "CUDA" and not event.is_user_annotation
    ]


def covered(intervals: Iterable[Interval]) -> float:
    """Return the length of the union of intervals, which may overlap and come in any order."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
