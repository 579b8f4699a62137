"""The verdict that stands beside each documented number in a table: the latest comparable one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.selection import Counting
from hrnet_zoo.verdicts.accuracy import MISMATCHES, Judgement, Verdict, judge
from hrnet_zoo.zoo.zoo import Zoo

Measured = Mapping[tuple[str, str], Judgement]
"""(row name, metric) -> the latest verdict that rests on a full, comparable measurement."""


def latest_judgements(
    zoo: Zoo, records: Iterable[AccuracyRecord], noise: Decimal | None = None
) -> Measured:
    """Return, per documented number, the verdict on its latest comparable measurement.

    Partial runs, other checkpoints or editions and unfinished runs are passed over: a table shows
    only what can stand beside the documented value.

    Args:
        zoo: rows by name; records of other rows are passed over.
        records: in any order.
        noise: allowance in points on top of the printed number's rounding; None: each metric's.
    """
    rows = {row.name: row for row in zoo.rows}
    latest = Counting[tuple[str, str], Judgement]()
    for record in records:
        row = rows.get(record.row)
        if row is None:
            continue
        for measurement in record.measurements:
            judgement = judge(row, record, measurement.metric, noise)
            if judgement.verdict in (Verdict.MATCH, *MISMATCHES):
                latest.add((row.name, measurement.metric), judgement, record.started_at)
    return latest.runs


def compared_cells(judgement: Judgement, decimals: int) -> tuple[str, str]:
    """Return measured value and difference as a table shows them; "(!)" marks a mismatch.

    Args:
        judgement: on a number that is documented and was measured.
        decimals: of both.
    """
    assert judgement.delta is not None
    flag = "" if judgement.verdict is Verdict.MATCH else " (!)"
    delta = round(judgement.delta, decimals) + 0.0  # no "-0.00"
    return f"{judgement.measured:.{decimals}f}", f"{delta:+.{decimals}f}{flag}"
