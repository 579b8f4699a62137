"""What else the machine did while samples were taken: its processors, and an NVIDIA GPU."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from hrnet_zoo.timing.observations import GpuState, MachineState

_PROC_STAT = Path("/proc/stat")
_BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq, steal; what is left out is idle or counted twice."""

_SHORTEST = 0.2
"""Seconds to look at; the kernel counts in hundredths, so less would say little."""
_BETWEEN_LOOKS = 1.0
"""Seconds: seldom enough to cost nothing, often enough to see what lasts."""

_THROTTLE_REASONS = {
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "thermal (software)",
    0x40: "thermal (hardware)",
    0x80: "power brake",
    0x100: "display clocks",
}
"""Bits of NVML's mask; 0x1, an idle GPU's lower clocks, is not a reason to worry."""


class Watch:
    """Looks at the machine when it is made, on the way, and when it is asked for the state."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._load = _load()
        self._gpu = gpu_state(device)[0]
        self._begin = self._looked = time.monotonic()
        self._lowered_by = dict[str, None]()
        self._others = _seconds_of_others()

    def look(self) -> None:
        """See what throttles a GPU, if it is time again: it may have recovered by the end."""
        if time.monotonic() - self._looked < _BETWEEN_LOOKS:
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
        gpu, why_not = gpu_state(self.device)
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


def gpu_state(device: torch.device) -> tuple[GpuState | None, str | None]:
    """Return the state of a GPU, or None and why it could not be read; of a CPU neither.

    The GPU is found by its UUID: CUDA and NVML may count in other orders.
    """
    if device.type != "cuda":
        return None, None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, 'nvidia-ml-py is not installed; pip install "hrnet-zoo[gpu]"'
    try:
        nvml.nvmlInit()
        try:
            uuid = str(torch.cuda.get_device_properties(device).uuid)
            return _state(nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")), None
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        return None, f"NVML: {error}"


def _state(nvml: Any, handle: object) -> GpuState:  # noqa: ANN401 - the library has no types
    def read(function: Callable[..., Any], *asked: object) -> Any:  # noqa: ANN401 - likewise
        """Return a value, or None where this GPU or this user may not know it."""
        with suppress(nvml.NVMLError):
            return function(handle, *asked)
        return None

    reasons = read(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
    pids = [process.pid for process in read(nvml.nvmlDeviceGetComputeRunningProcesses) or ()]
    return GpuState(
        sm_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM),
        max_sm_clock_mhz=read(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_SM),
        memory_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM),
        temperature_c=read(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU),
        throttle_reasons=None
        if reasons is None
        else [name for bit, name in _THROTTLE_REASONS.items() if reasons & bit],
        # NVML gives the host's process numbers, which say nothing within a container: this process,
        # which computes, is not among them then.
        other_processes=len(pids) - 1 if os.getpid() in pids else None,
    )
