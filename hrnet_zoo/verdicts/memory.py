"""Holds a row's training memory against the documented one; its tolerances, with their reasons.

A prediction counts tensors only, so it is some percent low, and by how much depends on the kind of
network. So a row is held against its siblings: those of its family in the manifest that ships,
which `tools/predict_memory.py` predicted, without the row itself. No row draws its own bounds.

This is not a verdict on accuracy: a predicted number can be consistent with a table, but it never
matches one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files

from hrnet_zoo.records.memory import MemoryRecord
from hrnet_zoo.system.wording import GIB
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.printed import decimals_of
from hrnet_zoo.zoo.row import Row


class MemoryVerdict(StrEnum):
    """The answer to "is the documented memory plausible for this network?"."""

    CONSISTENT = "consistent"
    OUTSIDE = "outside"
    NOT_DOCUMENTED = "not_documented"
    """There is nothing to hold."""
    TOO_FEW_SIBLINGS = "too_few_siblings"
    """There is nothing to hold it against."""

    @property
    def label(self) -> str:
        """Return the verdict in words, for people."""
        words = {"consistent": "consistent with the table", "outside": "outside the tolerance"}
        return words.get(self.value, self.value.replace("_", " "))


FILE = files(__package__).joinpath("training_memory.json")
"""What was predicted for rows with documented training memory, one a line."""

MIN_SIBLINGS = 2
"""With fewer, nothing is known of how far predictions are off."""

SLACK = 0.005
"""By how much ratios of siblings may still differ, as a share.

A choice: versions of PyTorch count a little differently. What it costs is in
`bench/studies/memory_siblings.py`.
"""


@dataclass(frozen=True, kw_only=True)
class MemoryBounds:
    """Which ratios of predicted or measured to documented training memory are accepted, and why."""

    low: float
    high: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Sibling:
    """A row whose prediction was made beforehand."""

    name: str
    family: str
    documented: Decimal
    """GiB, as printed."""
    predicted: int
    """Bytes."""

    @property
    def ratios(self) -> tuple[float, float]:
        """Return the smallest and the largest ratio of predicted to what was rounded to print."""
        half, documented = half_unit(self.documented), float(self.documented)
        gib = self.predicted / GIB
        return gib / (documented + half), gib / (documented - half)


def half_unit(printed: Decimal) -> float:
    """Return by how much a printed number may have been rounded."""
    return 0.5 * 10.0 ** -decimals_of(printed)


@cache
def all_siblings() -> Sequence[Sibling]:
    """Return all rows of the file."""
    return [
        Sibling(**entry | {"documented": Decimal(entry["documented"])})
        for entry in json.loads(FILE.read_text(encoding="utf-8"))
    ]


def sibling_bounds(
    name: str, family: str | None, documented: Decimal, siblings: Sequence[Sibling]
) -> MemoryBounds | None:
    """Return which ratios of predicted to documented are those of a row's siblings.

    Args:
        name: of the row, which is no sibling of itself.
        family: of the row.
        documented: GiB, as printed; it was rounded, too.
        siblings: of all families.

    Returns:
        None where siblings are too few.
    """
    ratios = [s.ratios for s in siblings if s.family == family and s.name != name]
    if len(ratios) < MIN_SIBLINGS:
        return None
    low, high = min(low for low, _ in ratios), max(high for _, high in ratios)
    rounding = half_unit(documented) / float(documented)
    return MemoryBounds(
        low=low * (1 - SLACK) * (1 - rounding),
        high=high * (1 + SLACK) * (1 + rounding),
        reason=f"a prediction counts tensors only; that of {len(ratios)} other {family} is off by "
        "as much, and printed numbers are rounded",
    )


MEASUREMENT = MemoryBounds(
    low=0.97,
    high=1.03,
    reason="a measurement counts all that PyTorch allocated; library versions differ a little",
)
"""For one real step on a GPU; bounds of predictions are those of siblings."""

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
    """The one that was applied; None: nothing is known of predictions, or nothing documented."""

    def describe_tolerance(self) -> str:
        """Return what the tolerance rests on in one line, for people."""
        if self.tolerance is None:
            return "nothing is known of how far predictions are off; a GPU can measure it"
        reason = self.tolerance.reason
        if self.tensors_ratio is not None:
            reason = f"{reason}, and {_WORKSPACES}"
        return reason


def judge_memory(row: Row, record: MemoryRecord) -> MemoryJudgement:
    """Return the verdict on a row's training memory; a measurement counts before a prediction.

    Args:
        row: "GB" in its table means GiB.
        record: a run of that row.
    """
    training = record.training
    documented, tolerance = row.documented("train_memory_gb"), None
    found = training.predicted if training.measured is None else training.measured
    if training.measured is not None:
        tolerance = MEASUREMENT
    elif documented is not None:
        family = TASKS[row.task].memory_family(row.setup)
        tolerance = sibling_bounds(row.name, family, documented, all_siblings())
    ratio, tensors_ratio = _ratio(row, found), _ratio(row, training.tensors)
    verdict = MemoryVerdict.NOT_DOCUMENTED if ratio is None else MemoryVerdict.TOO_FEW_SIBLINGS
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
