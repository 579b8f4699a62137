"""What else the machine did while samples were taken."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import torch

from hrnet_zoo.timing.gpu_state import gpu_state
from hrnet_zoo.timing.observations import MachineState

_PROC_STAT = Path("/proc/stat")
_BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq, steal; what is left out is idle or counted twice."""

_SHORTEST = 0.2
"""Seconds to look at; the kernel counts in hundredths, so less would say little."""


_BETWEEN_LOOKS = 1.0
"""Seconds: seldom enough to cost nothing, often enough to see what lasts."""


class Watch:
    """Looks at the machine when it is made, on the way, and when it is asked for the state."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._load = _load()
        self._gpu = gpu_state(device)[0] if device.type == "cuda" else None
        self._begin = self._looked = time.monotonic()
        self._lowered_by = dict[str, None]()
        self._others = _seconds_of_others()

    def look(self) -> None:
        """See what throttles a GPU, if it is time again: it may have recovered by the end."""
        if self.device.type != "cuda" or time.monotonic() - self._looked < _BETWEEN_LOOKS:
            return
        gpu, _ = gpu_state(self.device)
        self._lowered_by |= dict.fromkeys(gpu.throttle_reasons or () if gpu else ())
        self._looked = time.monotonic()

    def state(self) -> MachineState:
        """Return what went on since."""
        elapsed = time.monotonic() - self._begin
        now = _seconds_of_others()
        others = None
        if now is not None and self._others is not None and elapsed >= _SHORTEST:
            others = round(max(0.0, (now - self._others) / elapsed), 3)
        gpu, why_not = gpu_state(self.device) if self.device.type == "cuda" else (None, None)
        return MachineState(
            num_processors=os.cpu_count() or 1,
            load_before=self._load,
            load_after=_load(),
            others=others,
            gpu_before=self._gpu,
            gpu_after=gpu,
            gpu_clocks_lowered_by=list(self._lowered_by),
            gpu_not_read=why_not,
        )


def _load() -> float | None:
    with suppress(OSError, AttributeError):  # Windows has none
        return round(os.getloadavg()[0], 2)
    return None


def _seconds_of_others() -> float | None:
    """Return the processor time of all other processes since the machine was started."""
    try:
        columns = _PROC_STAT.read_text(encoding="ascii").splitlines()[0].split()[1:]
        ticks = sum(int(columns[i]) for i in _BUSY_COLUMNS)
        return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()
    except (OSError, ValueError, IndexError, AttributeError):  # not a Linux
        return None
