"""What the cells of a results table should say, and the edits that make them say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hrnet_zoo.readme.markdown import Cell
from hrnet_zoo.readme.matching import Match
from hrnet_zoo.readme.names import labels_of
from hrnet_zoo.readme.results import ResultsTable
from hrnet_zoo.readme.splice import Edit, replace_text
from hrnet_zoo.verdicts.latest import Measured, compared_cells
from hrnet_zoo.zoo.columns import METRICS
from hrnet_zoo.zoo.printed import NOT_PRINTED, decimals_of
from hrnet_zoo.zoo.row import Row

Columns = Literal["documented", "measured", "both"]
"""Whose numbers the README shows."""

_NUMBER = re.compile(r"[*_~`]*(\d+(?:\.\d+)?)", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One cell that becomes another, or one column that comes or goes."""

    line: int
    """In the file, from 1."""
    column: str
    """Title, as printed."""
    row: str | None
    """Name of the row; None for a column."""
    old: str | None
    """None: the column is new."""
    new: str | None
    """None: the column goes."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to change, for people, and the edits of the text that do it."""

    changes: list[Change] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)


def decimals_of_columns(table: ResultsTable, matches: Sequence[Match]) -> dict[str, int]:
    """Return the decimals that each quantity of a table is printed with, at most."""
    decimals = {}
    for metric in table.metrics:
        values = [match.row.documented(metric) for match in matches]
        decimals[metric] = max((decimals_of(v) for v in values if v is not None), default=0)
    return decimals


def plan_cells(
    plan: Plan,
    table: ResultsTable,
    matches: Sequence[Match],
    measured: Measured,
    columns: Columns,
) -> None:
    """Plan what becomes of the README's own columns.

    Args:
        plan: is added to.
        table: the table.
        matches: its lines that are rows of the zoo.
        measured: verdicts on what was measured; read for the columns "measured" only.
        columns: whose numbers are shown.
    """
    decimals = decimals_of_columns(table, matches)
    for match in matches:
        for column, place in table.columns.items():
            cell = match.line.cells[place]
            if columns == "measured":
                new = _measured_text(match.row, column, measured, decimals)
            else:
                new = _documented_text(match.row, column, cell)
            old = None if new is None else _replaced_part(cell, column, new)
            if new is None or old is None:
                continue
            right = _is_right_aligned(table.markdown.delimiter.cells[place])
            edit = replace_text(match.line, place, old, new, right=right)
            plan.edits.append(edit)
            plan.changes.append(
                Change(
                    line=match.line.number,
                    column=table.title(column),
                    row=match.row.name,
                    old=cell.text,
                    new=edit.text.strip(),
                )
            )


def count_unmeasured(
    table: ResultsTable, matches: Sequence[Match], measured: Measured
) -> tuple[int, int]:
    """Return how many documented values of a table were not measured, and how many there are."""
    documented = [
        (match.row.name, metric)
        for match in matches
        for metric in table.metrics
        if match.row.documented(metric) is not None
    ]
    return sum(key not in measured for key in documented), len(documented)


def _documented_text(row: Row, column: str, cell: Cell) -> str | None:
    """Return what the manifest quotes, or None where nothing is to change.

    That is so for links, for what the row's table has no column for, and for a label whose wrong
    width was corrected.
    """
    if column == "backbone" and " ".join(cell.core.split()) in labels_of(row):
        return None
    return row.text(column)


def _measured_text(
    row: Row, column: str, measured: Measured, decimals: dict[str, int]
) -> str | None:
    if column not in METRICS:
        return None
    judgement = measured.get((row.name, column))
    return None if judgement is None else compared_cells(judgement, decimals[column])[0]


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


def _is_right_aligned(delimiter: Cell) -> bool:
    return delimiter.text.endswith(":") and not delimiter.text.startswith(":")
