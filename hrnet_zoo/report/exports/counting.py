"""Which runs are exported, which one counts of each number, and why the others do not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed, DatasetUsed
from hrnet_zoo.records.folder import Found
from hrnet_zoo.report.text import metric_title
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.verdicts.accuracy import Judgement, counts, judge
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.zoo.row import EditionName, Row
from hrnet_zoo.zoo.zoo import Zoo

_WEB = re.compile(r"(https?://)(?:[^/?#@\s]*@)?([^/?#@\s]+(?:[/?#]\S*)?)")


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What is not exported, and why."""

    what: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class RowRun:
    """A run and the row it is of, in the run's edition."""

    row: Row
    run: Found[AccuracyRecord]


@dataclass(frozen=True, kw_only=True)
class Result:
    """A measured number and the run it comes from, the newest that counts."""

    row: Row
    """In the edition that was measured."""
    metric: Metric
    value: float
    """As measured, in the metric's unit."""
    judgement: Judgement
    run: Found[AccuracyRecord]
    data: DatasetUsed
    checkpoint: CheckpointUsed


def runs_of(
    zoo: Zoo, runs: Iterable[Found[AccuracyRecord]], names: Sequence[str], edition: EditionName
) -> tuple[list[RowRun], list[LeftOut]]:
    """Return the runs that are meant, newest first, and those that are of none of all rows.

    Args:
        zoo: the rows.
        runs: in any order.
        names: of rows; none: all rows.
        edition: of all of them.

    Raises:
        UsageError: there is no such row, or it has no such edition.
    """
    wanted = {name: zoo.row(name, edition) for name in names}
    known = {row.name: row for row in zoo.rows}
    meant, strangers = list[RowRun](), list[LeftOut]()
    # Of one second the last one counts, as in tables.
    for run in sorted(runs, key=lambda run: run.record.started_at)[::-1]:
        record, reason = run.record, ""
        if names and record.row not in wanted:
            continue
        if record.row not in known:
            reason = f'no row is called "{record.row}"'
        elif record.edition != edition:
            reason = f'it is of the "{record.edition}" edition; export it with --edition'
        else:
            meant.append(RowRun(row=known[record.row].in_edition(edition), run=run))
            continue
        strangers.append(LeftOut(what=run.path.name, reason=reason))
    return meant, strangers


def results_of(runs: Iterable[RowRun]) -> tuple[list[Result], list[LeftOut]]:
    """Return the accuracies that count, as tables choose them, and what is newer and does not.

    Args:
        runs: newest first.

    Returns:
        Results by the names of rows, in the order of metrics, at most one for each; and what was
        left out. Runs before the one that counts are not named.
    """
    found = dict[tuple[str, str], Result]()
    left_out = list[LeftOut]()
    for each in runs:
        for metric in each.run.record.metrics:
            number = (each.row.name, metric)
            if number in found or (metric in METRICS and not METRICS[metric].is_accuracy):
                continue
            result = _result(each.row, each.run, metric)
            if isinstance(result, Result):
                found[number] = result
            else:
                what = f"{each.row.name}, {metric_title(metric)}, {each.run.path.name}"
                left_out.append(LeftOut(what=what, reason=result))
    order = list(METRICS)
    by_row = sorted(found, key=lambda number: (number[0], order.index(number[1])))
    return [found[number] for number in by_row], left_out


def on_the_web(url: str | None) -> str | None:
    """Return an address of the web without user and password, or None for any other."""
    found = _WEB.fullmatch(url or "")
    return found and found[1] + found[2]


def _result(row: Row, run: Found[AccuracyRecord], metric: str) -> Result | str:
    """Return what a run says about a number, or why it says nothing."""
    record = run.record
    if record.asked.quick:
        return "a run of verify --quick refutes a value, and measures none"
    judgement = judge(row, record, metric)
    if counts(judgement):  # what would not count is not checked, which takes time
        judgement = judge(row, record, metric, evidence=evidence_of(row, record, run.path))
    if not counts(judgement):
        return f"{judgement.verdict.label}: {judgement.reason}"
    # What counts was compared, and what was compared says what was evaluated.
    assert judgement.measured is not None
    assert record.dataset is not None
    assert record.checkpoint is not None
    return Result(
        row=row,
        metric=METRICS[metric],
        value=judgement.measured,
        judgement=judgement,
        run=run,
        data=record.dataset,
        checkpoint=record.checkpoint,
    )
