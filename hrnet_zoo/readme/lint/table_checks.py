"""1xx and 5xx: whether tables are complete and of one piece, and their numbers the networks'."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from statistics import median

from hrnet_zoo.readme.lint.document import Document, Finding, LintTable, Patch, TableRow
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import is_percent, normalised
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.printed import decimals_of

_NEGATIVE = re.compile(r"[-\u2212]\d+(\.\d+)?", re.ASCII)
_NUMBER_AND_MORE = re.compile(r"[~<>\u2248]? ?\d+(\.\d+)?(?![\w.,]| [.\d]).*", re.ASCII | re.DOTALL)
"""A number with something said of it, such as "80.4 \u00b1 0.2", "77.7 (22.3)" and "1.5 / 1.4"."""
_ENOUGH_FOR_A_HABIT = 3
"""Values in a column from which on their decimals are compared."""
_CLEARLY_MORE = 1.1
"""Ratio of multiply-adds from which on a network should be slower."""


def check_tables(document: Document) -> Iterator[Finding]:
    """Yield what is wrong with tables as tables, and what does not fit the networks."""
    for table in document.tables:
        for spot, why in table.ragged:
            yield Finding("HZ101", spot, why)
        yield from _completeness(table)
        for row in table.rows:
            yield from _numbers(row)
            yield from _parameters(row)
        yield from _twins(table)
        for metric in METRICS:
            yield from _decimals(table, metric)
        yield from _order(table)


def _completeness(table: LintTable) -> Iterator[Finding]:
    # A table that never links files, like a paper's, forgets none: that is said once.
    links_none = not table.has_downloads and not any(row.has_file for row in table.rows)
    if links_none and table.rows:
        message = "no row of this table has a file that its numbers could be checked with"
        yield Finding("HZ103", table.rows[0].place, message, is_info=True, row="")
    for row in table.rows:
        if not row.labels:
            continue  # the row above goes on, with other numbers
        if not row.has_file and not row.has_numbers:
            message = f"{row.name}: a blank row, with neither numbers nor a file"
            yield Finding("HZ102", row.place, message)
        elif not row.has_file and not links_none:
            message = f"{row.name}: numbers, but no file that they could be checked with"
            yield Finding("HZ103", row.place, message)
        elif row.has_file and row.accuracies and not row.has_accuracy:
            yield Finding("HZ103", row.place, f"{row.name}: a file, but no accuracy")


def _numbers(row: TableRow) -> Iterator[Finding]:
    for metric in METRICS:
        text, spot = row.text(metric), row.spot(metric)
        if _NEGATIVE.fullmatch(text):
            message = f"{text} is impossible: no quantity of a table is negative"
            yield Finding("HZ107", spot, message)
            continue
        try:
            value = row.number(metric)
        except ValueError as error:
            if not _NUMBER_AND_MORE.fullmatch(text):
                yield Finding("HZ106", spot, str(error))
            continue
        if value is not None and is_percent(metric) and value > 100:
            yield Finding("HZ107", spot, f"{value} percent is impossible")


def _twins(table: LintTable) -> Iterator[Finding]:
    seen: dict[frozenset[tuple[str, str]], TableRow] = {}
    for row in table.rows:
        claims = frozenset((column, normalised(text)) for column, text in row.claims.items())
        first = seen.setdefault(claims, row)
        if first is row or not row.labels:
            continue
        line = first.place.line
        if _has_other_files(row, first):
            message = f"the labels are those of line {line}; only the linked files tell them apart"
            yield Finding("HZ105", row.place, message, is_info=True)
        else:
            message = f"{', '.join(row.claims.values())}: line {line} claims to be the same"
            yield Finding("HZ105", row.place, message)


def _has_other_files(row: TableRow, other: TableRow) -> bool:
    """Whether both link files, of different names."""
    for own, its in ((row.checkpoint, other.checkpoint), (row.config, other.config)):
        if own is not None and its is not None:
            return own.file_name != its.file_name
    return False


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
            so_many = "1 decimal" if decimals == 1 else f"{decimals} decimals"
            why = ": it may have lost a 0, or been rounded" if decimals < usual else ""
            message = f"{spot.text} has {so_many}, the others of its column have {usual}{why}"
            yield Finding("HZ104", spot, message)


def _order(table: LintTable) -> Iterator[Finding]:
    """Yield the networks that are documented as faster than one that computes clearly less.

    Rows of one network are taken together, as the median of their fps: they differ by chance.
    """
    networks: dict[int, list[tuple[TableRow, float]]] = {}
    for row in table.rows:
        counted = complexity_of(row.row) if row.row else None
        fps = row.readable("fps")
        if counted is not None and fps is not None:
            networks.setdefault(counted.multiply_adds, []).append((row, float(fps)))
    speeds = {adds: median(fps for _, fps in rows) for adds, rows in networks.items()}
    for adds, rows in networks.items():
        slower = [o for o in speeds if adds > _CLEARLY_MORE * o and speeds[o] < speeds[adds]]
        if not slower:
            continue
        slowest = min(slower, key=speeds.__getitem__)
        first, other = rows[0][0], networks[slowest][0][0]
        message = (
            f"{first.text('backbone')} computes {adds / slowest:.2f} times as much as "
            f"{other.text('backbone')}, line {other.place.line}, but is documented as faster: "
            f"{speeds[adds]:g} against {speeds[slowest]:g} fps"
        )
        yield Finding("HZ501", first.spot("fps"), message)


def _parameters(row: TableRow) -> Iterator[Finding]:
    counted = complexity_of(row.row) if row.row else None
    printed = row.readable("params_m")
    if printed is None or counted is None:
        return
    decimals = decimals_of(printed)
    right = f"{counted.parameters / 1e6:.{decimals}f}"
    # A whole unit of the last digit: others may count the statistics of BatchNorm, or truncate.
    if abs(float(printed) - counted.parameters / 1e6) > max(10**-decimals, 0.01 * float(printed)):
        cell = row.spot("params_m")
        at = cell.text.index(str(printed))
        spot = cell.part(at, at + len(str(printed)))
        message = f"{printed} M parameters; the network has {right} M"
        yield Finding("HZ502", spot, message, Patch(spot, right))
