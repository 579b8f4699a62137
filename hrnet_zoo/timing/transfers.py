"""Between the host and a GPU: memory that is pinned, from and to which a GPU copies by itself."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def pinned_for(device: torch.device, image: Tensor) -> Tensor:
    """Return an input on the host as a device copies it fastest: pinned for a GPU.

    Raises:
        RuntimeError: so much memory cannot be pinned.
    """
    return image.pin_memory() if device.type == "cuda" else image


class Download:
    """Brings results of one function to the host, each through memory of its own."""

    def __init__(self, device: torch.device, *, pinned: bool) -> None:
        """Make nothing yet.

        Args:
            device: where results are.
            pinned: whether those of a GPU come through pinned memory, which is used again.
        """
        self._device = device
        self._pinned = pinned and device.type == "cuda"
        self._buffers: list[Tensor] = []

    def __call__(self, *results: Tensor) -> list[NDArray[np.generic]]:
        """Return results as arrays, which the next call may write over."""
        if not self._pinned:
            return [result.cpu().numpy() for result in results]
        copies = [self._copy(i, result) for i, result in enumerate(results)]
        torch.cuda.current_stream(self._device).synchronize()
        return [copy.numpy() for copy in copies]

    def _copy(self, i: int, result: Tensor) -> Tensor:
        """Begin to copy the i-th result, whose size may be another in each call."""
        if i == len(self._buffers):
            self._buffers.append(_pinned(0))
        if self._buffers[i].numel() < result.nbytes:
            self._buffers[i] = _pinned(result.nbytes)
        copy = self._buffers[i][: result.nbytes].view(result.dtype).view(result.shape)
        return copy.copy_(result, non_blocking=True)


def _pinned(num_bytes: int) -> Tensor:
    return torch.empty(num_bytes, dtype=torch.uint8, pin_memory=True)
