"""What may limit a variant, observed once its latencies are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from hrnet_zoo.errors import ZooError
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.timing.gpu_busy import gpu_busy_seconds
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import Precision, Work
from hrnet_zoo.timing.sampling import Subject
from hrnet_zoo.timing.traffic import bytes_moved
from hrnet_zoo.timing.variants import Recipe, in_one_line
from hrnet_zoo.timing.work import copy_gbs, multiply_adds, peak_gflops

_DIGITS = 4
Seen = TypeVar("Seen")


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

    busy = _if_possible(lambda: gpu_busy_seconds(subject, device), recipe, progress)
    return Observed(
        bytes_moved=_if_possible(count, recipe, progress) if recipe.engine == "torch" else None,
        gpu_busy=None if busy is None else round(min(1.0, busy / median(seconds)), _DIGITS),
    )


def _if_possible(
    look: Callable[[], Seen | None], recipe: Recipe, progress: Progress
) -> Seen | None:
    """Return what is seen, or None: the latencies are worth keeping without it."""
    try:
        return look()
    except (ZooError, RuntimeError, MemoryError) as error:
        progress.say(f"{recipe.name}: what limits it is not fully known: {in_one_line(error)}")
        return None


def measure_work(
    first_pass: Callable[[], object],
    precisions: Iterable[Precision],
    device: torch.device,
    progress: Progress,
) -> Work | None:
    """Count what the documented network computes, and measure what the machine can do at most."""
    progress.begin("measuring the ceilings", None, "")
    try:
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
    except (ZooError, RuntimeError, MemoryError) as error:
        # The latencies are taken; they are worth keeping without this.
        reason = "no memory is left for it" if is_out_of_memory(error) else in_one_line(error)
        progress.say(f"what the machine can do at most was not measured: {reason}")
        return None
