"""For what share of the time a GPU had something to do."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.profiler import ProfilerActivity, profile

from hrnet_zoo.evaluation.ahead import synchronised_time
from hrnet_zoo.profiling.sampling import Subject

_RUNS = 5

Interval = tuple[float, float]
"""Begin and end, in any unit."""


def gpu_busy(subject: Subject, device: torch.device) -> float | None:
    """Return the share of a subject's time in which kernels or copies ran on the GPU.

    Recording them slows their launches a little, so that the share is rather too small than too
    large. This was written without a GPU at hand, and never run on one by its authors.

    Returns:
        From 0 to 1; None on a CPU, and where the driver lets nobody see what runs.
    """
    if device.type != "cuda":
        return None
    with subject.settings():
        # The first recording sets itself up, which would count as idle time.
        _record(subject, device, 1)
        intervals, seconds = _record(subject, device, _RUNS)
    return min(1.0, covered(intervals) / seconds) if intervals else None


def _record(subject: Subject, device: torch.device, runs: int) -> tuple[list[Interval], float]:
    """Return when the GPU computed or copied, and how long all took, in seconds."""
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        begin = synchronised_time(device)
        for _ in range(runs):
            subject.run()
        seconds = synchronised_time(device) - begin
    # Times are in microseconds. Annotations span kernels and the gaps between them.
    intervals = [
        (event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in recorded.events() or ()
        if event.device_type.name == "CUDA" and not event.is_user_annotation
    ]
    return intervals, seconds


def covered(intervals: Iterable[Interval]) -> float:
    """Return the length of the union of intervals, which may overlap and come in any order."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
