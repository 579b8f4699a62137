"""For how long a GPU had something to do."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.profiler import ProfilerActivity, profile

from hrnet_zoo.timing.sampling import Subject

_RUNS = 5

Interval = tuple[float, float]
"""Begin and end, in any unit."""


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
