"""Holds a row's training memory against the documented one; its tolerances, with their reasons.

This is not a verdict on accuracy: a predicted number can be consistent with a table, but it never
matches one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.task import MemoryBounds
from hrnet_zoo.zoo.row import Row


class MemoryVerdict(StrEnum):
    """The answer to "is the documented memory plausible for this network?"."""

    CONSISTENT = "consistent"
    OUTSIDE = "outside"
    NOT_DOCUMENTED = "not_documented"
    """There is nothing to hold it against."""

    @property
    def label(self) -> str:
        """Return the verdict in words, for people."""
        words = {"consistent": "consistent with the table", "outside": "outside the tolerance"}
        return words.get(self.value, "not documented")


MEASUREMENT = MemoryBounds(
    low=0.97,
    high=1.03,
    reason="a measurement counts all that PyTorch allocated; library versions differ a little",
)
"""For one real step on a GPU; bounds of predictions are those of their task."""

_WORKSPACES = (
    "that of tensors alone may be below: today's cuDNN and cuBLAS may take other workspaces than "
    "those of the documented training"
)


@dataclass(frozen=True, kw_only=True)
class MemoryJudgement:
    """A verdict, and what it rests on."""

    verdict: MemoryVerdict
    ratio: float | None
    """Measured, or else predicted, divided by documented."""
    tensors_ratio: float | None = None
    """Measured in tensors alone, divided by documented; None if that is not known."""
    tolerance: MemoryBounds | None
    """The one that was applied, or would be; None: nothing is known of predictions."""

    def describe_tolerance(self) -> str:
        """Return the tolerance in one line, for people."""
        if self.tolerance is None:
            return "nothing is known of how far predictions are off"
        low, high, reason = self.tolerance.low, self.tolerance.high, self.tolerance.reason
        if self.tensors_ratio is not None:
            reason = f"{reason}, and {_WORKSPACES}"
        return f"accepted: {low:.2f} to {high:.2f} of the documented value; {reason}"


def judge_memory(row: Row, record: MemoryRecord) -> MemoryJudgement:
    """Return the verdict on a row's training memory; a measurement counts before a prediction.

    Args:
        row: "GB" in its table means GiB.
        record: a run of that row.
    """
    training = record.training
    tolerance, found = TASKS[row.task].memory, training.predicted
    if training.measured is not None:
        tolerance, found = MEASUREMENT, training.measured
    ratio, tensors_ratio = _ratio(row, found), _ratio(row, training.tensors)
    verdict = MemoryVerdict.NOT_DOCUMENTED
    if ratio is not None and tolerance is not None:
        least = ratio if tensors_ratio is None else min(ratio, tensors_ratio)
        is_near = tolerance.low <= ratio and least <= tolerance.high
        verdict = MemoryVerdict.CONSISTENT if is_near else MemoryVerdict.OUTSIDE
    return MemoryJudgement(
        verdict=verdict, ratio=ratio, tensors_ratio=tensors_ratio, tolerance=tolerance
    )


def _ratio(row: Row, size: int | None) -> float | None:
    documented = row.documented("train_memory_gb")
    return None if documented is None or size is None else size / GIB / float(documented)
