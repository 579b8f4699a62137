"""What one run of `memory` found: the peaks of one training step and of one inference."""

from __future__ import annotations

from typing import Literal

from hrnet_zoo.records.base import Moment, Record
from hrnet_zoo.system.strict import Part


class MemoryAsked(Part):
    """What the user asked `memory` for."""

    device: str


class Peaks(Part):
    """The most memory that a piece of work held at once, in bytes."""

    predicted: int | None
    """Tensors, added up under fake tensors; None in old records that hold a measurement."""
    measured: int | None = None
    """Handed out by PyTorch on a real GPU, to tensors and as workspaces; None without one."""
    tensors: int | None = None
    """Of these in tensors alone, added up in a run like it; None also in old records."""
    reserved: int | None = None
    """Taken from that GPU to hold them, gaps included; None where an old record does not say."""
    assumptions: list[str]
    """What is taken for granted, for people."""


class TrainingPeaks(Peaks):
    """Those of one training step."""

    predicted: int
    samples: int
    """Images per GPU."""
    size: tuple[int, int]
    """(height, width) of the batch."""


class MemoryRecord(Record):
    """One run of `memory` on one row."""

    kind: Literal["memory"] = "memory"
    task: str | None
    """None in records of version 1, which do not say."""
    documented: str | None
    """GB as printed, read as GiB; None where nothing is printed."""
    finished_at: Moment
    asked: MemoryAsked
    device: str
    training: TrainingPeaks
    inference: Peaks
    problem: str | None = None
    """Why nothing could be measured, although there is a GPU."""
