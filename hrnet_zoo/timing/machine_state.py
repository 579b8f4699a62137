"""What else the machine did while samples were taken: its processors, and an NVIDIA GPU."""

from __future__ import annotations

import importlib
import os
import statistics
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import torch

from hrnet_zoo.system.processors import seconds_of_others
from hrnet_zoo.timing.observations import GpuState, MachineState

_SHORTEST = 0.2
"""Seconds to look at; the kernel counts in hundredths, so less would say little."""
_BETWEEN_LOOKS = 1.0
"""Seconds: seldom enough to cost nothing, often enough to see what lasts."""
_LONGEST_LOOK = 5.0
"""Seconds to wait for the last look: a driver that hangs must not take the samples with it."""

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


_GONE = ("NVML_ERROR_GPU_IS_LOST", "NVML_ERROR_RESET_REQUIRED", "NVML_ERROR_GPU_NOT_FOUND")
"""What NVML says when nothing can be read of a GPU any more; else it only does not know one value.
"""


class Watch:
    """Looks at the machine from when it is entered until it is asked for the state.

    A GPU is looked at from a thread, so that it is seen while it computes: once samples are taken
    it idles, and nothing slows it down any more.
    """

    def __init__(self, device: torch.device) -> None:
        self._load = _load()
        self._gpu = _Gpu(device) if device.type == "cuda" else None
        self._before = self._gpu and self._gpu.state()
        self._held_back = self._gpu and self._gpu.seconds_held_back()
        self._lowered_by = dict[str, None]()
        self._clocks = list[int]()
        self._others = seconds_of_others()
        self._begin = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Self:
        if self._gpu is not None:
            self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()
        if self._gpu is not None:
            self._gpu.close()

    def _stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST_LOOK)

    def _look(self) -> None:
        """See the GPU's clock and what lowers it, now and then: it may recover by the end."""
        assert self._gpu is not None
        while not self._over.wait(_BETWEEN_LOOKS):
            state = self._gpu.state()
            if state is None:
                continue
            self._lowered_by |= dict.fromkeys(state.throttle_reasons or ())
            self._clocks += [] if state.sm_clock_mhz is None else [state.sm_clock_mhz]

    def state(self) -> MachineState:
        """Return what went on since; nothing is looked at any more."""
        self._stop()
        elapsed = time.monotonic() - self._begin
        now = seconds_of_others()
        others = None
        if now is not None and self._others is not None and elapsed >= _SHORTEST:
            others = round(max(0.0, (now - self._others) / elapsed), 3)
        gpu, after, held_back = self._gpu, None, {}
        if gpu is not None:
            after, begun = gpu.state(), self._held_back or {}
            ended = gpu.seconds_held_back()
            held_back = {why: round(ended[why] - begun[why], 3) for why in ended if why in begun}
        return MachineState(
            num_processors=os.cpu_count() or 1,
            load_before=self._load,
            load_after=_load(),
            others=others,
            gpu_before=self._before,
            gpu_after=after,
            gpu_clocks_lowered_by=list(self._lowered_by),
            gpu_held_back_s=held_back,
            watched_s=round(elapsed, 3),
            gpu_not_read=gpu and gpu.why_not,
            gpu_clock_mhz=round(statistics.median(self._clocks)) if self._clocks else None,
        )


def _load() -> float | None:
    with suppress(OSError, AttributeError):  # Windows has none
        return round(os.getloadavg()[0], 2)
    return None


def why_not_read(device: torch.device) -> str | None:
    """Return why the state of a GPU cannot be read; None if it can."""
    gpu = _Gpu(device)
    gpu.state()
    gpu.close()
    return gpu.why_not


class _Gpu:
    """A GPU as NVML tells of it, which is asked for once."""

    def __init__(self, device: torch.device) -> None:
        self.why_not: str | None = None
        """Why it could not be read, or not any more."""
        self._nvml: Any = None
        try:
            self._nvml = importlib.import_module("pynvml")
        except ImportError:
            self.why_not = 'nvidia-ml-py is not installed; pip install "hrnet-zoo[gpu]"'
            return
        try:
            self._nvml.nvmlInit()
            self._handle, self._part = self._find(device)
        except self._nvml.NVMLError as error:
            self.why_not = f"NVML: {error}"

    def _find(self, device: torch.device) -> tuple[Any, Any]:
        """Return a GPU, and the part of it that this process has if it is divided (MIG).

        It is found by its UUID: CUDA and NVML may count in other orders. Clocks and temperature are
        those of the whole GPU, processes those of the part.
        """
        nvml, uuid = self._nvml, torch.cuda.get_device_properties(device).uuid
        try:
            whole = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        except nvml.NVMLError:
            part = nvml.nvmlDeviceGetHandleByUUID(f"MIG-{uuid}")
            return nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part), part
        return whole, whole

    def close(self) -> None:
        """Ask nothing any more."""
        if self._nvml is not None:
            with suppress(self._nvml.NVMLError):
                self._nvml.nvmlShutdown()

    def state(self) -> GpuState | None:
        """Return the state at this moment; None where it cannot be read."""
        if self.why_not is not None:
            return None
        try:
            return self._state()
        except self._nvml.NVMLError as error:
            self.why_not = f"NVML: {error}"
            return None

    def seconds_held_back(self) -> dict[str, float]:
        """Return for how long each limit has lowered clocks since the driver was loaded.

        Source:
            NVML, nvml.h, nvmlViolationTime_t: violationTime is in nanoseconds.
        """
        if self.why_not is not None:
            return {}
        nvml = self._nvml
        policies = {
            "power cap": nvml.NVML_PERF_POLICY_POWER,
            "thermal": nvml.NVML_PERF_POLICY_THERMAL,
        }
        try:
            found = {
                why: self._read(nvml.nvmlDeviceGetViolationStatus, self._handle, policy)
                for why, policy in policies.items()
            }
        except nvml.NVMLError as error:
            self.why_not = f"NVML: {error}"
            return {}
        return {why: took.violationTime / 1e9 for why, took in found.items() if took is not None}

    def _read(self, function: Callable[..., Any], *asked: object) -> Any:  # noqa: ANN401 - NVML's
        """Return a value, or None where this GPU or this user may not know it."""
        try:
            return function(*asked)
        except self._nvml.NVMLError as error:
            if getattr(error, "value", None) in {getattr(self._nvml, name) for name in _GONE}:
                raise
            return None

    def _state(self) -> GpuState:
        nvml, read, gpu = self._nvml, self._read, self._handle
        reasons = read(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, gpu)
        processes = read(nvml.nvmlDeviceGetComputeRunningProcesses, self._part)
        # The parent of one of several processes that time waits meanwhile.
        pids = [process.pid for process in processes or () if process.pid != os.getppid()]
        return GpuState(
            sm_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, gpu, nvml.NVML_CLOCK_SM),
            max_sm_clock_mhz=read(nvml.nvmlDeviceGetMaxClockInfo, gpu, nvml.NVML_CLOCK_SM),
            memory_clock_mhz=read(nvml.nvmlDeviceGetClockInfo, gpu, nvml.NVML_CLOCK_MEM),
            temperature_c=read(nvml.nvmlDeviceGetTemperature, gpu, nvml.NVML_TEMPERATURE_GPU),
            throttle_reasons=None
            if reasons is None
            else [name for bit, name in _THROTTLE_REASONS.items() if reasons & bit],
            # NVML gives the host's process numbers, which say nothing within a container: this
            # process, which computes, is not among them then.
            other_processes=len(pids) - 1 if os.getpid() in pids else None,
        )
