"""Compares two sets of records, wherever they are, number by number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from hrnet_zoo.errors import RecordError, UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Found, SomeRecord
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.checked import evidence_of, row_of
from hrnet_zoo.verdicts.comparison.accuracy import compare_accuracies
from hrnet_zoo.verdicts.comparison.latency import compare_latencies
from hrnet_zoo.verdicts.comparison.outcome import (
    FAIL_ON,
    ComparedRecords,
    Comparison,
    ComparisonOutcome,
    worst_first,
)
from hrnet_zoo.verdicts.comparison.sides import RecordsPlace, open_place, read_side, require_two
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.zoo.printed import decimals_of
from hrnet_zoo.zoo.row import EditionName
from hrnet_zoo.zoo.zoo import Zoo

LATENCY = "latency"
"""Stands for all that `time` measures, beside the accuracies of `verify`."""
ACCURACY = "accuracy"
"""Stands for the accuracies that `verify` measures if no metrics are named."""


def comparable(names: Sequence[str]) -> list[str]:
    """Return what the user's ``names`` stand for; without names all that can be compared.

    Raises:
        UsageError: a name is not that of anything that can be compared.
    """
    known = [*(name for name, metric in METRICS.items() if metric.is_accuracy), LATENCY]
    found: list[str] = []
    for name in names or known:
        if name == ACCURACY:
            found += [n for n, m in METRICS.items() if m.is_accuracy and m.is_default]
        elif name in known:
            found.append(name)
        else:
            msg = f'"{name}" cannot be compared; there are {ACCURACY}, {", ".join(known)}.'
            raise UsageError(msg)
    return found


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What to compare; what is left out is neither missing nor failed."""

    rows: Collection[str] = ()
    """Names; empty: all rows that either side has."""
    metrics: Collection[str]
    """As `comparable` returns them."""
    edition: EditionName | None = None
    """None: both."""
    fail_on: frozenset[ComparisonOutcome] = FAIL_ON
    """Outcomes that close the gate."""

    def of(self, runs: list[Found[SomeRecord]]) -> list[Found[SomeRecord]]:
        """Return the runs of the rows and editions that are asked for."""
        return [
            run
            for run in runs
            if (not self.rows or run.record.row in self.rows)
            and self.edition in (None, run.record.edition)
        ]


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

    def decimals(row: str, edition: EditionName, metric: str) -> int:
        try:
            documented = zoo.row(row, edition).documented(metric)
        except UsageError:  # a record of a row that the manifest does not have
            documented = None
        return METRICS[metric].decimals if documented is None else decimals_of(documented)

    known = dict[Path, Evidence]()

    def evidence(record: AccuracyRecord, path: Path) -> Evidence:
        if path not in known:
            known[path] = evidence_of(row_of(zoo, record), None, path)
        return known[path]

    with ExitStack() as stack:
        places = [stack.enter_context(open_place(name, default_folder)) for name in (base, head)]
        sides = [read_side(place.path) for place in places]
        if not sides[0] and not sides[0].problems:
            msg = f"{base} holds no records, so there is nothing to compare with."
            raise RecordError(msg)
        before, after = (selection.of(side.accuracies) for side in sides)
        asked = selection.metrics
        comparisons = compare_accuracies(before, after, asked, decimals, evidence)
        if LATENCY in selection.metrics:
            comparisons += compare_latencies(*(selection.of(side.timings) for side in sides))
    problems = [problem for side in sides for problem in side.problems]
    return ComparedRecords(
        base=base,
        head=head,
        comparisons=worst_first(_named(comparison, places) for comparison in comparisons),
        problems=[
            *(_described(problem, places) for problem in problems),
            *_not_found(comparisons, selection),
        ],
        remarks=_remarks(zoo, comparisons),
        fail_on=selection.fail_on,
    )


def _named(comparison: Comparison, places: list[RecordsPlace]) -> Comparison:
    """Return the comparison with its files named as the user knows them."""
    before, after = comparison.base_record, comparison.head_record
    return replace(
        comparison,
        basis=_described(comparison.basis, places),
        base_record=before and _described(before, places),
        head_record=after and _described(after, places),
    )


def _described(text: str, places: list[RecordsPlace]) -> str:
    for place in places:
        text = text.replace(str(place.folder), place.title)
    return text


def _not_found(comparisons: list[Comparison], selection: Selection) -> list[str]:
    """Return what was asked for and is on neither side: a gate must not pass for want of runs."""
    if not comparisons:
        return ["Neither BASE nor HEAD has a run of what was asked for."]
    compared = {comparison.row for comparison in comparisons}
    return [f"Neither side has a run of {row}." for row in selection.rows if row not in compared]


def _remarks(zoo: Zoo, comparisons: list[Comparison]) -> list[str]:
    known = {row.name for row in zoo.rows}
    unknown = dict.fromkeys(c.row for c in comparisons if c.row not in known)
    if not unknown:
        return []
    return [f"not in {zoo.path.name}, so taken to have the usual decimals: {', '.join(unknown)}"]
