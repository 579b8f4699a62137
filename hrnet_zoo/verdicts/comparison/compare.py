"""Compares two sets of records, wherever they are, number by number."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from hrnet_zoo.errors import RecordError, UsageError
from hrnet_zoo.verdicts.comparison.accuracy import compare_accuracies
from hrnet_zoo.verdicts.comparison.accuracy_pairs import COMPARED_METRICS, AccuracyKey
from hrnet_zoo.verdicts.comparison.latency import LatencyKey, compare_latencies
from hrnet_zoo.verdicts.comparison.outcome import ComparedRecords, Comparison, worst_first
from hrnet_zoo.verdicts.comparison.reading import RecordSet, read_side
from hrnet_zoo.verdicts.comparison.sources import RecordsPlace, open_place, require_two
from hrnet_zoo.zoo.printed import decimals_of
from hrnet_zoo.zoo.row import EditionName
from hrnet_zoo.zoo.zoo import Zoo

LATENCY = "latency"
"""Stands for all that `time` measures, beside the metrics of `verify`."""

_USUAL_DECIMALS: dict[str, int] = {"miou": 2, "miou_ms_flip": 2, "box_ap": 1, "mask_ap": 1}
"""How the two READMEs print what a row of theirs leaves blank."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to compare; what is left out is neither missing nor failed."""

    rows: Collection[str] = ()
    """Names; empty: all rows that either side has."""
    metrics: Collection[str] = (*COMPARED_METRICS, LATENCY)
    edition: EditionName | None = None
    """None: both."""

    def has_accuracy(self, key: AccuracyKey) -> bool:
        """Whether an accuracy is asked for."""
        return key.metric in self.metrics and self._has_row(key.row, key.edition)

    def has_latency(self, key: LatencyKey) -> bool:
        """Whether a latency is asked for."""
        return LATENCY in self.metrics and self._has_row(key.row, key.edition)

    def _has_row(self, row: str, edition: EditionName) -> bool:
        return (not self.rows or row in self.rows) and self.edition in (None, edition)


def compare_records(
    base: str, head: str, zoo: Zoo, selection: Selection, default_folder: Path
) -> ComparedRecords:
    """Return what became of every number.

    Args:
        base: a folder of records, a record, "REV" or "REV:PATH".
        head: likewise.
        zoo: says with how many decimals numbers are printed.
        selection: what to compare.
        default_folder: where records are in a revision named without a path.

    Raises:
        UsageError: one of them is none of these, or both are the same.
        RecordError: BASE has no record.
        PrerequisiteError: git is needed and is not there.
    """
    require_two(base, head)
    with ExitStack() as stack:
        places = [stack.enter_context(open_place(name, default_folder)) for name in (base, head)]
        sides = [read_side(place.path) for place in places]
        if not sides[0] and not sides[0].problems:
            msg = f"{base} holds no records, so there is nothing to compare with."
            raise RecordError(msg)
        problems = [problem for side in sides for problem in side.problems]
        comparisons = _compare(sides[0], sides[1], zoo, selection)
        problems += _not_found(comparisons, selection)
        return ComparedRecords(
            base=base,
            head=head,
            comparisons=worst_first(_named(c, places) for c in comparisons),
            problems=[_described(problem, places) for problem in problems],
            remarks=_remarks(zoo, comparisons),
        )


def _compare(base: RecordSet, head: RecordSet, zoo: Zoo, selection: Selection) -> list[Comparison]:
    accuracies = compare_accuracies(
        base.accuracies, head.accuracies, selection.has_accuracy, _decimals_in(zoo)
    )
    return accuracies + compare_latencies(base.timings, head.timings, selection.has_latency)


def _decimals_in(zoo: Zoo) -> Callable[[AccuracyKey], int]:
    def decimals(key: AccuracyKey) -> int:
        try:
            documented = zoo.row(key.row, key.edition).documented(key.metric)
        except UsageError:  # a record of a row that the manifest does not have
            documented = None
        return _USUAL_DECIMALS[key.metric] if documented is None else decimals_of(documented)

    return decimals


def _named(comparison: Comparison, places: list[RecordsPlace]) -> Comparison:
    """Return the comparison with its files named as the user knows them."""
    before, after = comparison.base_record, comparison.head_record
    return replace(
        comparison,
        basis=_described(comparison.basis, places),
        base_record=None if before is None else _described(before, places),
        head_record=None if after is None else _described(after, places),
    )


def _described(text: str, places: list[RecordsPlace]) -> str:
    for place in places:
        text = place.describe(text)
    return text


def _not_found(comparisons: Sequence[Comparison], selection: Selection) -> list[str]:
    """Return what was asked for and is on neither side: a gate must not pass for want of runs."""
    if not comparisons:
        return ["Neither BASE nor HEAD has a run of what was asked for."]
    compared = {comparison.row for comparison in comparisons}
    return [f"Neither side has a run of {row}." for row in selection.rows if row not in compared]


def _remarks(zoo: Zoo, comparisons: Sequence[Comparison]) -> list[str]:
    known = {row.name for row in zoo.rows}
    unknown = dict.fromkeys(c.row for c in comparisons if c.row not in known)
    if not unknown:
        return []
    return [f"not in {zoo.path.name}, so taken to have the usual decimals: {', '.join(unknown)}"]
