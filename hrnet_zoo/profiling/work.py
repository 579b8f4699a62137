"""What a network computes for one image, and how fast this machine multiplies matrices."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from hrnet_zoo.devices import canonical_precision

_SIDE = {"cpu": 1024, "cuda": 8192}
"""Of the matrices: large enough for full speed, small enough for a fraction of a second."""
_SECONDS = 0.5


@torch.inference_mode()
def multiply_adds(work: Callable[[], object]) -> int:
    """Return the multiply-adds of convolutions and matrix products while ``work`` is done."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops()) // 2


@torch.inference_mode()
def matmul_gflops(device: torch.device) -> float:
    """Return the best rate of a float32 matrix product, in 10^9 operations per second."""
    side = _SIDE[device.type]
    a = torch.full((side, side), 0.5, device=device)
    best, begin = float("inf"), time.perf_counter()
    with canonical_precision():
        while best == float("inf") or time.perf_counter() - begin < _SECONDS:
            start = _now(device)
            a @ a
            best = min(best, _now(device) - start)
    return 2 * side**3 / best / 1e9


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
