"""Columns that are added to a results table: what was measured, and how far it is off.

Their titles tell them from the README's own, so that they can be filled anew and taken out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from hrnet_zoo.readme.plan import Plan
from hrnet_zoo.readme.results import added_titles
from hrnet_zoo.readme.splice import add_cell, remove_cells
from hrnet_zoo.zoo.columns import normalised

_NOTHING = "-"
"""Not measured. A blank cell at the end of a line without a last pipe would be no cell."""


def plan_columns(plan: Plan) -> None:
    """Plan what becomes of the added columns: filled anew, put in or taken out."""
    there = {normalised(c.core): i for i, c in enumerate(plan.table.markdown.header.cells)}
    removed: dict[int, str] = {}
    for metric in plan.table.metrics:
        compared = {m.line.number: plan.compared(m, metric) for m in plan.matches}
        after = plan.table.columns[metric]
        for i, title in enumerate(added_titles(plan.table, metric)):
            texts = {line: both[i] for line, both in compared.items() if both is not None}
            place = there.get(normalised(title))
            if plan.columns != "both" or not texts:
                removed |= {} if place is None else {place: title}
            elif place is None:
                _put_in(plan, title, after, texts)
            else:
                _refill(plan, place, texts)
            after = after if place is None else place
    _take_out(plan, removed)


def _refill(plan: Plan, place: int, texts: Mapping[int, str]) -> None:
    for match in plan.matches:
        old, new = match.line.cells[place].text, texts.get(match.line.number, _NOTHING)
        if old != new:
            plan.replace(match, place, old, new, right=True)


def _put_in(plan: Plan, title: str, after: int, texts: Mapping[int, str]) -> None:
    """Plan a new column behind the one at ``after``; ``texts`` is line number -> cell."""
    width = max(map(len, [title, *texts.values()]))
    markdown = plan.table.markdown
    cells = [(markdown.header, title), (markdown.delimiter, "-" * (width - 1) + ":")]
    cells += [(line, texts.get(line.number, _NOTHING)) for line in markdown.lines]
    plan.edits.extend(add_cell(line, after, text.rjust(width)) for line, text in cells)
    plan.change_column(title, new=f"{len(texts)} of {len(markdown.lines)} cells")


def _take_out(plan: Plan, titles: Mapping[int, str]) -> None:
    """Plan the removal of columns, place -> title; neighbours go in one edit, with their pipes."""
    markdown = plan.table.markdown
    # Neighbouring places are equally far from their place in the sorted list.
    for _, run in groupby(enumerate(sorted(titles)), key=lambda one: one[1] - one[0]):
        places = [place for _, place in run]
        for line in (markdown.header, markdown.delimiter, *markdown.lines):
            plan.edits.append(remove_cells(line, places))
    for place in sorted(titles):
        filled = sum(line.cells[place].text != _NOTHING for line in markdown.lines)
        plan.change_column(titles[place], old=f"{filled} of {len(markdown.lines)} cells")
