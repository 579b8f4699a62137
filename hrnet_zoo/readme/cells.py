"""What the README's own cells should say."""

from __future__ import annotations

import re

from hrnet_zoo.readme.markdown import Cell
from hrnet_zoo.readme.matching import Match
from hrnet_zoo.readme.names import labels_of
from hrnet_zoo.readme.plan import Plan
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.printed import NOT_PRINTED

_NUMBER = re.compile(r"[*_~`]*(\d+(?:\.\d+)?)", re.ASCII)


def plan_cells(plan: Plan) -> None:
    """Plan what becomes of the README's own columns."""
    for match in plan.matches:
        for column, place in plan.table.columns.items():
            cell = match.line.cells[place]
            if plan.columns == "measured":
                compared = plan.compared(match, column)
                new = compared and compared[0]
            else:
                new = _documented_text(match, column, cell)
            old = None if new is None else _replaced_part(cell, column, new)
            if new is not None and old is not None:
                alignment = plan.table.markdown.delimiter.cells[place].text
                right = alignment.endswith(":") and not alignment.startswith(":")
                plan.replace(match, place, old, new, right=right)


def count_unmeasured(plan: Plan) -> tuple[int, int]:
    """Return how many documented values of a table were not measured, and how many there are."""
    documented = [
        (match.row.name, metric)
        for match in plan.matches
        for metric in plan.table.metrics
        if match.row.documented(metric) is not None
    ]
    return sum(key not in plan.measured for key in documented), len(documented)


def _documented_text(match: Match, column: str, cell: Cell) -> str | None:
    """Return what the manifest quotes, or None where nothing is to change.

    That is so for links, for what the row's table has no column for, and for a label whose wrong
    width was corrected.
    """
    if column == "backbone" and " ".join(cell.core.split()) in labels_of(match.row):
        return None
    return match.row.text(column)


def _replaced_part(cell: Cell, column: str, new: str) -> str | None:
    """Return the part of a cell's text that has to change, or None if it says that already.

    Of a number, emphasis around it and remarks behind it stay.
    """
    if cell.text == new:
        return None
    number = _NUMBER.match(cell.text) if column in METRICS else None
    old = number[1] if number else cell.core
    if number and new in NOT_PRINTED:
        old = cell.text  # a remark on no number would be left over
    return None if " ".join(old.split()) == new else old
