"""What a network computes for one image, and how fast this machine computes and copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from hrnet_zoo.system.devices import numerics, synchronised_time
from hrnet_zoo.timing.observations import Precision
from hrnet_zoo.timing.variants import DTYPES

_SIDE = {"cpu": 1024, "cuda": 8192}
"""Of the matrices: large enough for full speed, small enough for a fraction of a second."""
_MAP, _CHANNELS = {"cpu": 64, "cuda": 512}, 256
"""Sides and channels of what is convolved, likewise."""
_COPIED = {"cpu": 2**27, "cuda": 2**30}
"""Bytes: with the copy more than nearly all caches hold, which would be faster than memory."""
_SECONDS = 0.5


@torch.inference_mode()
def multiply_adds(work: Callable[[], object]) -> int:
    """Return the multiply-adds of convolutions and matrix products while ``work`` is done."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops()) // 2


@torch.inference_mode()
def peak_gflops(device: torch.device, precision: Precision = "fp32") -> float:
    """Return the better rate of a large matrix product and a large convolution.

    They may be computed by different libraries: on AMD processors products of float32 matrices
    run at less than half the rate of convolutions.

    Returns:
        10^9 operations per second, two per multiply-add.
    """
    with numerics(tf32=precision == "tf32", benchmark=True, deterministic=False):
        return max(
            2 * operations / _shortest(work, device) / 1e9
            for work, operations in _large_work(device, DTYPES[precision])
        )


def _large_work(
    device: torch.device, dtype: torch.dtype
) -> Iterator[tuple[Callable[[], Tensor], int]]:
    """Yield what keeps a device busy, and its multiply-adds."""
    # Of equal numbers fewer bits change, which a GPU at its power cap would compute faster.
    generator = torch.Generator(device).manual_seed(0)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    side = _SIDE[device.type]
    a = numbers(side, side)
    yield lambda: a @ a, side**3
    side, channels = _MAP[device.type], _CHANNELS
    x = numbers(1, channels, side, side).contiguous(memory_format=torch.channels_last)
    weight = numbers(channels, channels, 3, 3).contiguous(memory_format=torch.channels_last)
    yield lambda: conv2d(x, weight, padding=1), 9 * channels**2 * side**2


@torch.inference_mode()
def copy_gbs(device: torch.device) -> float:
    """Return the best rate of a large copy, in 10^9 bytes read or written per second."""
    source = torch.full((_COPIED[device.type] // 4,), 0.5, device=device)
    # Written once before, so that no page of it is first found during the copy.
    target = torch.zeros_like(source).fill_(0.25)
    return 2 * _COPIED[device.type] / _shortest(lambda: target.copy_(source), device) / 1e9


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Return the least of the seconds that a piece of work took, repeated for half a second."""
    best, begin = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - begin < _SECONDS:
        start = synchronised_time(device)
        work()
        best = min(best, synchronised_time(device) - start)
    return best
