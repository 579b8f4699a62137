"""How long the stages of an image took on a device, which nobody waits for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import torch

from hrnet_zoo.tasks.ahead import StageSeconds


@dataclass
class Stopwatch:
    """Notes when the stages of one image end; it runs from when it is made.

    A GPU does its work later than it is told to. It is told to note the time, too, so that it
    need not stand still until the host has read a clock.
    """

    device: torch.device
    _ends: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lap("")

    def lap(self, stage: str) -> None:
        """Note that a stage, named as in `StageSeconds`, ends here in the device's work."""
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call] # torch's
            event.record(torch.cuda.current_stream(self.device))
            self._ends.append((stage, event))
        else:
            self._ends.append((stage, time.perf_counter()))

    def add_to(self, seconds: StageSeconds) -> None:
        """Add the time of every stage, once the device is past the last of them."""
        for (_, begin), (stage, end) in zip(self._ends[:-1], self._ends[1:], strict=True):
            setattr(seconds, stage, getattr(seconds, stage) + _between(begin, end))


def _between(begin: Any, end: Any) -> float:  # noqa: ANN401 - two readings of a clock, or two events
    """Return the seconds from one to the other."""
    return float(end - begin if isinstance(begin, float) else begin.elapsed_time(end) / 1000)
