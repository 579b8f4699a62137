"""What a comparison can say of one number, and what all of them together mean for a CI job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from hrnet_zoo.system.wording import Answer
from hrnet_zoo.zoo.row import EditionName


class ComparisonOutcome(Answer):
    """The answer for one number of a row, worst first. Only WORSE is a regression."""

    WORSE = "worse"
    FAILED = "failed"
    """The newest run in HEAD broke off, or could not measure it."""
    MISSING = "missing"
    """BASE has it, HEAD has no run of it."""
    NOT_COMPARABLE = "not_comparable"
    """Both have it, but of different things: other data, another file, another machine."""
    INCONCLUSIVE = "inconclusive"
    """Neither a difference nor its absence can be told from these runs."""
    BETTER = "better"
    NEW = "new"
    """HEAD has it, BASE does not."""
    FAILED_AS_BEFORE = "failed_as_before"
    """The newest run broke off on both sides: nothing is known, and nothing has changed."""
    SAME = "same"


NO_ANSWER = (ComparisonOutcome.FAILED, ComparisonOutcome.MISSING, ComparisonOutcome.NOT_COMPARABLE)
"""The runs or their surroundings are at fault; nothing was learnt about the model."""

CHANGES = (ComparisonOutcome.WORSE, ComparisonOutcome.BETTER)
"""A difference is known; all other outcomes leave something open, but for SAME."""

FAIL_ON = frozenset({ComparisonOutcome.WORSE, *NO_ANSWER})
"""What closes a gate if nothing else is asked for."""

_ORDER = list(ComparisonOutcome)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One number of a row in BASE and in HEAD."""

    row: str
    metric: str
    """A metric of the manifest, or a timed variant with what tells it from others of the row."""
    kind: Literal["accuracy", "speed"]
    """"speed" is a latency; JSON has always called it so."""
    edition: EditionName
    outcome: ComparisonOutcome = ComparisonOutcome.INCONCLUSIVE
    base: float | None = None
    """Percent, or the median latency in ms."""
    head: float | None = None
    decimals: int = 2
    """Of the documented number; what is printed here has one more."""
    difference: float | None = None
    """HEAD - BASE in points; of latencies, in percent of BASE, so more is slower."""
    interval: tuple[float, float] | None = None
    """95 % interval of the difference, in its unit."""
    p_value: float | None = None
    """That so large a difference is chance, corrected for the number of tests made."""
    minimum_effect: float | None = None
    """Differences below it count as none, in the unit of the difference."""
    basis: str = ""
    """What the outcome rests on, or why there is no answer."""
    base_record: str | None = None
    head_record: str | None = None

    def judged(self, outcome: ComparisonOutcome, basis: str) -> Comparison:
        """Return it with its outcome, and what that rests on after what is known already."""
        return replace(self, outcome=outcome, basis=self.basis + basis)

    @property
    def may_be_regression(self) -> bool:
        """Whether it is inconclusive, and a change to the worse large enough to count."""
        if self.outcome is not ComparisonOutcome.INCONCLUSIVE or self.difference is None:
            return False
        loss = self.difference if self.kind == "speed" else -self.difference
        return loss > 0 and loss >= (self.minimum_effect or 0)


@dataclass(frozen=True, kw_only=True)
class ComparedRecords:
    """Everything that two sets of records say about each other."""

    base: str
    """As the user named it."""
    head: str
    comparisons: Sequence[Comparison]
    """Worst first."""
    problems: Sequence[str] = ()
    """Files that are not usable records; with one of them, the answer may be incomplete."""
    remarks: Sequence[str] = ()
    """What is worth knowing and changes no outcome."""
    fail_on: frozenset[ComparisonOutcome] = FAIL_ON
    """Outcomes that the exit code must tell of."""


def worst_first(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Return the comparisons in the order in which people want to read them."""
    return sorted(
        comparisons,
        key=lambda c: (_ORDER.index(c.outcome), -_in_effects(c), c.row, c.kind, c.metric),
    )


def _in_effects(comparison: Comparison) -> float:
    """Return a difference in multiples of the smallest that counts: units differ, these do not."""
    if comparison.difference is None or not comparison.minimum_effect:
        return 0.0
    return abs(comparison.difference) / comparison.minimum_effect


def exit_code(compared: ComparedRecords) -> int:
    """Return 1 if a number changed that was not to, 3 if one lacks an answer it needs, else 0.

    What was not to happen is what ``fail_on`` says; a file that cannot be used always counts.
    """
    found = compared.fail_on & {comparison.outcome for comparison in compared.comparisons}
    if found & set(CHANGES):
        return 1
    return 3 if compared.problems or found else 0
