"""Holds a row's training memory against the documented one; its tolerances, with their reasons.

This is not a verdict on accuracy: a predicted number can be consistent with a table, but it never
matches one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hrnet_zoo.records.memory import GIB, MemoryRecord
from hrnet_zoo.zoo.row import Row


class MemoryVerdict(StrEnum):
    """The answer to "is the documented memory plausible for this network?"."""

    CONSISTENT = "consistent"
    OUTSIDE = "outside"
    NOT_DOCUMENTED = "not_documented"

    @property
    def label(self) -> str:
        """Return the verdict in words, for people."""
        words = {"consistent": "consistent with the table", "outside": "outside the tolerance"}
        return words.get(self.value, "not documented")


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """Which ratios of a number to the documented one are accepted, and why."""

    low: float
    high: float
    reason: str

    def __contains__(self, ratio: float) -> bool:
        return self.low <= ratio <= self.high

    def describe(self) -> str:
        """Return the tolerance in one line, for people."""
        return f"accepted: {self.low:.2f} to {self.high:.2f} of the documented value; {self.reason}"


PREDICTION: dict[str, Tolerance] = {
    "segmentation": Tolerance(
        low=0.93,
        high=1.02,
        reason="a prediction counts tensors only, without convolution workspaces and the "
        "allocator's slack; upstream's own models, predicted the same way, give 0.94 to 0.99",
    ),
    "detection": Tolerance(
        low=0.85,
        high=1.05,
        reason="a prediction counts tensors only, for the largest batch and a crowded image; "
        "upstream's own models, predicted the same way, give 0.86 to 0.96",
    ),
}
"""For predictions, which are mostly somewhat low."""

MEASUREMENT = Tolerance(
    low=0.97,
    high=1.03,
    reason="a measurement counts all that PyTorch allocated; library versions differ a little",
)
"""For one real step on a GPU."""


@dataclass(frozen=True, kw_only=True)
class MemoryJudgement:
    """A verdict, and what it rests on."""

    verdict: MemoryVerdict
    ratio: float | None
    """Measured, or else predicted, divided by documented."""
    tolerance: Tolerance
    """The one that was applied, or would be."""


def judge_memory(row: Row, record: MemoryRecord) -> MemoryJudgement:
    """Return the verdict on a row's training memory; a measurement counts before a prediction.

    Args:
        row: "GB" in its table means GiB.
        record: a run of that row.
    """
    documented = row.documented("train_memory_gb")
    training = record.training
    tolerance = PREDICTION[row.task] if training.measured is None else MEASUREMENT
    if documented is None:
        verdict = MemoryVerdict.NOT_DOCUMENTED
        return MemoryJudgement(verdict=verdict, ratio=None, tolerance=tolerance)
    found = training.predicted if training.measured is None else training.measured
    ratio = found / GIB / float(documented)
    verdict = MemoryVerdict.CONSISTENT if ratio in tolerance else MemoryVerdict.OUTSIDE
    return MemoryJudgement(verdict=verdict, ratio=ratio, tolerance=tolerance)
