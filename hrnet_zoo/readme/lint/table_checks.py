"""1xx: whether a table is complete and of one piece."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, TableRow
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import LABELS, NETWORKS, is_percent
from hrnet_zoo.zoo.printed import NOT_PRINTED, decimals_of

_NEGATIVE = re.compile(r"[-\u2212]\d+(\.\d+)?", re.ASCII)
_ENOUGH_FOR_A_HABIT = 3
"""Values in a column from which on their decimals are compared."""


def check_tables(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with tables as tables."""
    for table in document.tables:
        for spot, why in table.ragged:
            yield Finding(code="HZ101", spot=spot, message=why)
        for row in table.rows:
            yield from _completeness(row)
            yield from _numbers(row)
        yield from _twins(table)
        for metric in METRICS:
            yield from _decimals(table, metric)


def _completeness(row: TableRow) -> Iterator[Finding]:
    what = ", ".join(filter(None, map(row.text, (*NETWORKS, "lr_schd"))))
    if row.checkpoint is None and not row.has_numbers:
        message = f"{what}: a blank row, with neither numbers nor a file"
        yield Finding(code="HZ102", spot=row.place, message=message)
    elif row.checkpoint is None:
        message = f"{what}: numbers, but no file that they could be checked with"
        yield Finding(code="HZ103", spot=row.place, message=message)
    elif not any(row.text(m) not in NOT_PRINTED for m in METRICS if is_percent(m)):
        message = f"{what}: a file, but no accuracy"
        yield Finding(code="HZ103", spot=row.place, message=message)


def _numbers(row: TableRow) -> Iterator[Finding]:
    for metric in METRICS:
        text = row.text(metric)
        if _NEGATIVE.fullmatch(text):
            message = f"{text} is impossible: no quantity of a table is negative"
            yield Finding(code="HZ107", spot=row.spot(metric), message=message)
            continue
        try:
            value = row.number(metric)
        except ValueError as error:
            yield Finding(code="HZ106", spot=row.spot(metric), message=str(error))
            continue
        if value is not None and is_percent(metric) and value > 100:
            message = f"{value} percent is impossible"
            yield Finding(code="HZ107", spot=row.spot(metric), message=message)


def _twins(table: LintTable) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], TableRow] = {}
    for row in table.rows:
        claims = tuple(row.text(column) for column in LABELS)
        first = seen.setdefault(claims, row)
        if first is not row:
            what = ", ".join(text for text in claims if text)
            message = f"{what}: line {first.place.line} claims to be the same"
            yield Finding(code="HZ105", spot=row.place, message=message)


def _decimals(table: LintTable, metric: str) -> Iterator[Finding]:
    counts = {
        row.spot(metric): decimals_of(value)
        for row in table.rows
        if (value := row.readable(metric)) is not None
    }
    if len(counts) < _ENOUGH_FOR_A_HABIT:
        return
    usual, how_often = Counter(counts.values()).most_common(1)[0]
    if 2 * how_often <= len(counts):
        return
    for spot, decimals in counts.items():
        if decimals != usual:
            message = (
                f"{spot.text} has {_so_many(decimals)}, the others of its column have {usual}"
                + (": it may have lost a 0, or been rounded" if decimals < usual else "")
            )
            yield Finding(code="HZ104", spot=spot, message=message)


def _so_many(decimals: int) -> str:
    return "1 decimal" if decimals == 1 else f"{decimals} decimals"
