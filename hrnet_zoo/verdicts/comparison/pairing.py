"""Which runs of two sets of records are compared with each other, and which cannot be.

The newest run in HEAD decides, whatever became of it. Its partner is the newest run in BASE of the
same thing; only where there is none are the two not comparable. Several pairs that are tested are
corrected for being several.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from hrnet_zoo.records.folder import SomeRecord
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome


@dataclass(frozen=True, kw_only=True)
class FoundNumber(Generic[SomeRecord]):
    """One number as one run found it."""

    record: SomeRecord
    path: Path
    value: float | None
    """In the unit of the comparison; None: it could not be measured."""
    failure: str
    """Why there is none, if there is none."""


SomeNumber = TypeVar("SomeNumber", bound=FoundNumber[Any])
Tested = TypeVar("Tested", bound=Hashable)


def pair_up(
    number: Comparison,
    base: Sequence[SomeNumber],
    head: SomeNumber | None,
    differences: Callable[[SomeNumber, SomeNumber], Iterable[str]],
    *,
    failed_before: bool = False,
) -> tuple[Comparison, tuple[SomeNumber, SomeNumber] | None]:
    """Return what is known of a number, and the two runs to test if they can be compared.

    Args:
        number: says what it is of.
        base: runs that have a value of it, newest first.
        head: the newest run that was to measure it.
        differences: in which ways two runs measured different things.
        failed_before: whether the newest run in BASE could not measure it.
    """
    before, outcome, pair = base[0] if base else None, ComparisonOutcome.NOT_COMPARABLE, None
    if head is None:
        outcome, basis = ComparisonOutcome.MISSING, "HEAD has no run of it"
    elif head.value is None:
        outcome, basis = ComparisonOutcome.FAILED, head.failure
        if failed_before:
            outcome = ComparisonOutcome.FAILED_AS_BEFORE
    elif before is None:
        outcome, basis = ComparisonOutcome.NEW, "BASE has no run of it"
    elif (alike := next((b for b in base if not any(differences(b, head))), None)) is None:
        basis = "; ".join(differences(before, head))
    else:
        before, outcome, pair = alike, ComparisonOutcome.INCONCLUSIVE, (alike, head)
        basis = "the same run on both sides; " if alike.record == head.record else ""
    noted = replace(
        number,
        outcome=outcome,
        basis=basis,
        base=before.value if before else None,
        head=head.value if head else None,
        base_record=str(before.path) if before else None,
        head_record=str(head.path) if head else None,
    )
    return noted, pair


def holm(p_values: Mapping[Tested, float]) -> dict[Tested, float]:
    """Return the p-values, corrected for being several.

    Calling all significant that are below a level afterwards raises a single false alarm among
    all of them with at most that probability, however the tests depend on each other.

    Source:
        Holm 1979: the smallest of N p-values is multiplied by N, the next by N - 1, and so on; none
        may become smaller than the one before. SciPy 1.17 has Benjamini and Hochberg's correction
        only, which keeps false alarms to a share of all alarms instead.
    """
    corrected, largest = {}, 0.0
    for done, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[key]))
        corrected[key] = largest
    return corrected
