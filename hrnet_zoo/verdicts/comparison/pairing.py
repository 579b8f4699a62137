"""Which runs of two sets of records are compared with each other, and which cannot be.

The newest run in HEAD decides, whatever became of it. Its partner is the newest run in BASE of the
same thing; only where there is none are the two not comparable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from hrnet_zoo.records.folder import SomeRecord
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome


@dataclass(frozen=True, kw_only=True)
class Seen(Generic[SomeRecord]):
    """One number as one run found it."""

    record: SomeRecord
    path: Path
    value: float | None
    """In the unit of the comparison; None: it could not be measured."""
    failure: str
    """Why there is none, if there is none."""


SomeSeen = TypeVar("SomeSeen", bound=Seen[Any])


def pair_up(
    number: Comparison,
    base: Sequence[SomeSeen],
    head: SomeSeen | None,
    differences: Callable[[SomeSeen, SomeSeen], Iterable[str]],
) -> tuple[Comparison, tuple[SomeSeen, SomeSeen] | None]:
    """Return what is known of a number, and the two runs to test if they can be compared.

    Args:
        number: says what it is of.
        base: runs that have a value of it, newest first.
        head: the newest run that was to measure it.
        differences: in which ways two runs measured different things.
    """
    before, outcome = base[0] if base else None, ComparisonOutcome.NOT_COMPARABLE
    if head is None:
        outcome, basis = ComparisonOutcome.MISSING, "HEAD has no run of it"
    elif head.value is None:
        outcome, basis = ComparisonOutcome.FAILED, head.failure
    elif before is None:
        outcome, basis = ComparisonOutcome.NEW, "BASE has no run of it"
    else:
        for seen in base:
            if not any(differences(seen, head)):
                basis = "the same run on both sides; " if seen.record == head.record else ""
                return _noted(number, seen, head, ComparisonOutcome.INCONCLUSIVE, basis), (
                    seen,
                    head,
                )
        basis = "; ".join(differences(before, head))
    return _noted(number, before, head, outcome, basis), None


def _noted(
    number: Comparison,
    base: SomeSeen | None,
    head: SomeSeen | None,
    outcome: ComparisonOutcome,
    basis: str,
) -> Comparison:
    return replace(
        number,
        outcome=outcome,
        basis=basis,
        base=None if base is None else base.value,
        head=None if head is None else head.value,
        base_record=None if base is None else str(base.path),
        head_record=None if head is None else str(head.path),
    )
