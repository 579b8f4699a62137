"""What is to change in one results table: for people, and as edits of the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from hrnet_zoo.readme.markdown import Line
from hrnet_zoo.readme.matching import Match
from hrnet_zoo.readme.results import ResultsTable
from hrnet_zoo.readme.splice import Edit, replace_text
from hrnet_zoo.verdicts.latest import Measured, compared_cells
from hrnet_zoo.zoo.printed import decimals_of

Columns = Literal["documented", "measured", "both"]
"""Whose numbers the README shows."""


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
    """One table, what it is brought in line with, and what has to change for that."""

    table: ResultsTable
    matches: Sequence[Match]
    """The lines that are rows of the zoo."""
    measured: Measured
    """Verdicts on what was measured; not read for the columns "documented"."""
    columns: Columns
    changes: list[Change] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)

    def compared(self, match: Match, metric: str) -> tuple[str, str] | None:
        """Return measured value and difference as the table shows them, if it was measured.

        They have as many decimals as the documented values of the column, at most.
        """
        judgement = self.measured.get((match.row.name, metric))
        if judgement is None:
            return None
        values = [other.row.documented(metric) for other in self.matches]
        decimals = max((decimals_of(value) for value in values if value is not None), default=0)
        return compared_cells(judgement, decimals)

    def replace(self, match: Match, place: int, old: str, new: str, *, right: bool) -> None:
        """Plan that a part of a cell's text becomes another.

        Args:
            match: the line.
            place: of the cell, from 0.
            old: a part of the cell's text.
            new: what takes its place.
            right: whether the column is aligned to the right.
        """
        cell = match.line.cells[place]
        edit = replace_text(match.line, place, old, new, right=right)
        self.edits.append(edit)
        title, row = self.table.markdown.header.cells[place].core, match.row.name
        self._note(match.line, title, row, cell.text, edit.text.strip())

    def change_column(self, title: str, *, old: str | None = None, new: str | None = None) -> None:
        """Note that a column comes or goes, and how much of it is or was filled."""
        self._note(self.table.markdown.header, title, None, old, new)

    def _note(
        self, line: Line, column: str, row: str | None, old: str | None, new: str | None
    ) -> None:
        self.changes.append(Change(line=line.number, column=column, row=row, old=old, new=new))
