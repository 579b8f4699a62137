"""What an NVIDIA GPU does besides: clocks, what throttles them, other processes on it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any, TypeVar

import torch

from hrnet_zoo.timing.observations import GpuState

_INSTALL = 'nvidia-ml-py is not installed; pip install "hrnet-zoo[gpu]"'

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

Value = TypeVar("Value")


def gpu_state(device: torch.device) -> tuple[GpuState | None, str | None]:
    """Return the state of a GPU, or None and why it could not be read.

    The GPU is found by its UUID: CUDA and NVML may count in other orders.
    """
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, _INSTALL
    try:
        nvml.nvmlInit()
        try:
            uuid = str(torch.cuda.get_device_properties(device).uuid)
            handle = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            return _state(nvml, handle), None
        finally:
            nvml.nvmlShutdown()
    except nvml.NVMLError as error:
        return None, f"NVML: {error}"


def _state(nvml: Any, handle: object) -> GpuState:  # noqa: ANN401 - the library has no types
    def read(function: Callable[[], Value]) -> Value | None:
        """Return a value, or None where this GPU or this user may not know it."""
        try:
            return function()
        except nvml.NVMLError:
            return None

    reasons = read(lambda: int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)))
    processes = read(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle))
    return GpuState(
        sm_clock_mhz=read(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
        max_sm_clock_mhz=read(lambda: nvml.nvmlDeviceGetMaxClockInfo(handle, nvml.NVML_CLOCK_SM)),
        memory_clock_mhz=read(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
        temperature_c=read(
            lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        ),
        throttle_reasons=None if reasons is None else _names(reasons),
        other_processes=None if processes is None else _others([p.pid for p in processes]),
    )


def _others(computing: list[int]) -> int | None:
    """Return how many other processes compute; None if this one, which does, is not listed.

    NVML gives the host's process numbers, which say nothing within a container.
    """
    return len(computing) - 1 if os.getpid() in computing else None


def _names(mask: int) -> list[str]:
    return [name for bit, name in _THROTTLE_REASONS.items() if mask & bit]
