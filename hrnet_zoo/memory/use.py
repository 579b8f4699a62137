"""Work whose memory is predicted and measured: one training step, or one inference."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

import torch


class MemoryUse(Hashable, Protocol):
    """All that the memory of some work depends on; rows of equal ones share a prediction."""

    @property
    def size(self) -> tuple[int, int]:
        """Return the (height, width) of the images."""

    @property
    def samples(self) -> int:
        """Return how many images there are."""

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""

    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make everything ready on a device, and return what does the work."""
