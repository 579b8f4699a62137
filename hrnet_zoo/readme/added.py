"""Columns that are added to a results table: what was measured, and how far it is off.

Their titles tell them from the README's own, so that they can be filled anew and taken out again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hrnet_zoo.readme.cells import Change, Columns, Plan, decimals_of_columns
from hrnet_zoo.readme.matching import Match
from hrnet_zoo.readme.results import ResultsTable, added_titles
from hrnet_zoo.readme.splice import add_cell, remove_cells, replace_text
from hrnet_zoo.verdicts.latest import Measured, compared_cells
from hrnet_zoo.zoo.columns import normalised

_NOTHING = "-"
"""Not measured. A blank cell at the end of a line without a last pipe would be no cell."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """One column that is there, or shall be, beside a quantity's own."""

    title: str
    place: int | None
    """Where it is; None if it is not there."""
    after: int
    """Place of the column that it follows, or will follow."""
    texts: Mapping[int, str]
    """Line number -> what its cell should say; empty if the column should not be there."""


def plan_columns(
    plan: Plan,
    table: ResultsTable,
    matches: Sequence[Match],
    measured: Measured,
    columns: Columns,
) -> None:
    """Plan what becomes of the added columns: filled anew, put in or taken out.

    Args:
        plan: is added to.
        table: the table.
        matches: its lines that are rows of the zoo.
        measured: verdicts on what was measured.
        columns: whose numbers are shown; only "both" has added columns.
    """
    rows = {match.line.number: match.row.name for match in matches}
    removed: dict[int, str] = {}
    for metric in table.metrics:
        texts = _texts(table, matches, measured, metric) if columns == "both" else {}
        for column in _columns_beside(table, metric, texts):
            if column.place is not None and column.texts:
                _refill(plan, table, column, rows)
            elif column.texts:
                _put_in(plan, table, column)
            elif column.place is not None:
                removed[column.place] = column.title
    _take_out(plan, table, removed)


def _texts(
    table: ResultsTable, matches: Sequence[Match], measured: Measured, metric: str
) -> dict[int, tuple[str, str]]:
    """Return line number -> measured value and difference."""
    decimals = decimals_of_columns(table, matches)[metric]
    return {
        match.line.number: compared_cells(measured[match.row.name, metric], decimals)
        for match in matches
        if (match.row.name, metric) in measured
    }


def _columns_beside(
    table: ResultsTable, metric: str, texts: Mapping[int, tuple[str, str]]
) -> Iterator[_Column]:
    there = {normalised(c.core): i for i, c in enumerate(table.markdown.header.cells)}
    after = table.columns[metric]
    for i, title in enumerate(added_titles(table, metric)):
        place = there.get(normalised(title))
        texts_of_kind = {line: both[i] for line, both in texts.items()}
        yield _Column(title=title, place=place, after=after, texts=texts_of_kind)
        after = after if place is None else place


def _refill(plan: Plan, table: ResultsTable, column: _Column, rows: Mapping[int, str]) -> None:
    assert column.place is not None
    for line in table.markdown.lines:
        old, new = line.cells[column.place].text, column.texts.get(line.number, _NOTHING)
        if line.number not in rows or old == new:
            continue
        plan.edits.append(replace_text(line, column.place, old, new, right=True))
        row = rows[line.number]
        plan.changes.append(
            Change(line=line.number, column=column.title, row=row, old=old, new=new)
        )


def _put_in(plan: Plan, table: ResultsTable, column: _Column) -> None:
    width = max(map(len, [column.title, *column.texts.values()]))
    markdown = table.markdown
    cells = [(markdown.header, column.title), (markdown.delimiter, "-" * (width - 1) + ":")]
    cells += [(line, column.texts.get(line.number, _NOTHING)) for line in markdown.lines]
    plan.edits.extend(add_cell(line, column.after, text.rjust(width)) for line, text in cells)
    number = markdown.header.number
    filled = f"{len(column.texts)} of {len(markdown.lines)} cells"
    plan.changes.append(Change(line=number, column=column.title, row=None, old=None, new=filled))


def _take_out(plan: Plan, table: ResultsTable, titles: Mapping[int, str]) -> None:
    """Plan the removal of columns, place -> title; neighbours go in one edit, with their pipes."""
    markdown = table.markdown
    lines = (markdown.header, markdown.delimiter, *markdown.lines)
    for run in _runs(sorted(titles)):
        plan.edits.extend(remove_cells(line, run) for line in lines)
    for place in sorted(titles):
        filled = sum(line.cells[place].text != _NOTHING for line in markdown.lines)
        old = f"{filled} of {len(markdown.lines)} cells"
        plan.changes.append(
            Change(line=markdown.header.number, column=titles[place], row=None, old=old, new=None)
        )


def _runs(places: Sequence[int]) -> Iterator[range]:
    """Yield neighbouring places together, in ascending order."""
    breaks = [i for i, (a, b) in enumerate(pairwise(places), start=1) if b != a + 1]
    for begin, end in pairwise([0, *breaks, len(places)]):
        if begin < end:
            yield range(places[begin], places[end - 1] + 1)
