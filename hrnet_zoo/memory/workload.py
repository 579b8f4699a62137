"""What is asked about memory: a training step or an inference, for which nothing else matters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import torch


@dataclass(frozen=True, kw_only=True)
class Workload(ABC):
    """Work whose memory is asked for: all that this depends on, so that rows can share it."""

    architecture: str
    backbone: str
    num_classes: int
    size: tuple[int, int]
    """(height, width) of the network's input."""
    samples: int = 1
    """Images that go through the network together."""

    @classmethod
    @abstractmethod
    def of(cls, setup: Any) -> Self:
        """Return the work of a row that is set up like this."""

    @classmethod
    def on(cls, size: tuple[int, int], setup: Any, *, samples: int = 1) -> Self:
        """Return the work on inputs of a size; the network is the one that a setup describes."""
        names = {field.name for field in fields(cls)}
        return cls(size=size, samples=samples, **setup.model_dump(include=names))

    @property
    @abstractmethod
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""

    @abstractmethod
    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make network and input on a device, return the work; values are random."""
