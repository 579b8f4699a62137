"""A README's results tables brought in line with the manifest and the records.

Columns can be added: what was measured, and how far it is off. Their titles tell them from the
README's own, so that they can be filled anew and taken out again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Literal

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.editions import (
    Expected,
    LineEditions,
    WantedEdition,
    line_editions,
    why_unclear,
)
from hrnet_zoo.readme.markdown import Cell, Line, read_markdown
from hrnet_zoo.readme.results import (
    ResultsTable,
    added_titles,
    explain_ragged,
    match_lines,
    results_tables,
    titles_of,
)
from hrnet_zoo.readme.text import Edit, add_cell, remove_cells, replace_text, spliced
from hrnet_zoo.readme.values import stated_number
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Measured, compared_cells
from hrnet_zoo.zoo.columns import normalised
from hrnet_zoo.zoo.printed import NOT_PRINTED, decimals_of
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

Columns = Literal["documented", "measured", "both"]
"""Whose numbers the README shows."""

_NOTHING = "-"
"""Not measured. A blank cell at the end of a line without a last pipe would not be a cell."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One cell that becomes another, or one column that comes or goes."""

    line: int
    """In the file, from 1."""
    column: str
    """Title, as printed."""
    row: str | None = None
    """Name of the row; None for a column."""
    old: str | None = None
    """None: the column is new."""
    new: str | None = None
    """None: the column goes."""


@dataclass(frozen=True, kw_only=True)
class TableChanges:
    """One table, what it is brought in line with, and what has to change for that."""

    table: ResultsTable
    rows: Sequence[tuple[Line, Row]]
    """The lines that are rows of the zoo."""
    editions: Mapping[int, LineEditions]
    """By number of the line: which editions it prints; not read for the columns "measured"."""
    measured: Measured
    """Verdicts on what was measured; not read for the columns "documented"."""
    columns: Columns
    changes: list[Change] = field(default_factory=list)
    left: list[Unknown] = field(default_factory=list)
    """Cells that stay although they are of no edition."""
    edits: list[Edit] = field(default_factory=list)

    def make(self) -> None:
        """Plan what becomes of the README's own columns, and of those that are added."""
        delimiters = [cell.text for cell in self.table.markdown.delimiter.cells]
        for line, row in self.rows:
            for column, place in self.table.places(line).items():
                cell = line.cells[place]
                expected = self._expected(line, row, column, cell)
                new = expected.text
                if expected.why_left is not None:
                    self.left.append(Unknown(line=line.number, reason=expected.why_left))
                if new is not None and (old := _replaced_part(cell, column, new)) is not None:
                    right = delimiters[place].endswith(":") and delimiters[place][0] != ":"
                    self._replace(line, row, place, old, new, right=right)
        self._add_columns()

    def _expected(self, line: Line, row: Row, column: str, cell: Cell) -> Expected:
        if self.columns != "measured":
            return self.editions[line.number].expected(column, cell)
        compared = self._compared(row, column)
        if compared is None:
            return Expected()
        why = why_unclear(column, cell)
        return Expected(text=None if why else compared[0], why_left=why)

    @property
    def documented(self) -> list[bool]:
        """Return of each documented value of the table whether it was measured."""
        return [
            self._compared(row, metric) is not None
            for line, row in self.rows
            for metric in self.table.places(line)
            if metric in METRICS and row.documented(metric) is not None
        ]

    def _compared(self, row: Row, metric: str) -> tuple[str, str] | None:
        """Return measured value and difference as the table shows them, if it was measured.

        They have as many decimals as the documented values of the column, at most. Of a file that
        only a later edition has, nothing is known: verdicts are on the README's.
        """
        judgement = self.measured.get((row.name, metric)) if row.edition == "readme" else None
        if judgement is None:
            return None
        return compared_cells(judgement, self._decimals[metric])

    @cached_property
    def _decimals(self) -> dict[str, int]:
        """Return to how many decimals the rows document each metric, at most."""
        documented = {m: [row.documented(m) for _, row in self.rows] for m in METRICS}
        return {
            metric: max((decimals_of(value) for value in values if value is not None), default=0)
            for metric, values in documented.items()
        }

    def _replace(
        self, line: Line, row: Row, place: int, old: Cell, new: str, *, right: bool
    ) -> None:
        """Plan that a cell, or a part of it, becomes another; see `replace_text`."""
        edit = replace_text(line, place, old, new, right=right)
        self.edits.append(edit)
        self.changes.append(
            Change(
                line=line.number,
                column=self.table.markdown.header.cells[place].core,
                row=row.name,
                old=line.cells[place].text,
                new=edit.text.strip(),
            )
        )

    def _add_columns(self) -> None:
        """Plan what becomes of the added columns: filled anew, put in or taken out."""
        there = {normalised(c.core): i for i, c in enumerate(self.table.markdown.header.cells)}
        removed: dict[int, str] = {}
        for metric in self.table.metrics:
            after = self.table.columns[metric]
            compared = {
                line.number: self._compared(row, filled)
                for line, row in self.rows
                for filled, place in self.table.places(line).items()
                if place == after
            }
            for i, title in enumerate(added_titles(self.table, metric)):
                texts = {number: both[i] for number, both in compared.items() if both is not None}
                place = there.get(normalised(title))
                if self.columns != "both" or not texts:
                    removed |= {} if place is None else {place: title}
                elif place is None:
                    self._put_in(title, after, texts)
                else:
                    self._refill(place, texts)
                after = after if place is None else place
        self._take_out(removed)

    def _refill(self, place: int, texts: Mapping[int, str]) -> None:
        for line, row in self.rows:
            old, new = line.cells[place], texts.get(line.number, _NOTHING)
            if old.text != new:
                self._replace(line, row, place, old, new, right=True)

    def _put_in(self, title: str, after: int, texts: Mapping[int, str]) -> None:
        """Plan a new column behind the one at ``after``; ``texts`` is line number -> cell."""
        width = max(map(len, [title, *texts.values()]))
        table = self.table.markdown
        cells = [(table.header, title), (table.delimiter, "-" * (width - 1) + ":")]
        cells += [(line, texts.get(line.number, _NOTHING)) for line in table.lines]
        self.edits.extend(add_cell(line, after, text.rjust(width)) for line, text in cells)
        filled = f"{len(texts)} of {len(table.lines)} cells"
        self.changes.append(Change(line=table.header.number, column=title, new=filled))

    def _take_out(self, titles: Mapping[int, str]) -> None:
        """Plan the removal of columns, place -> title; neighbours go in one edit, with pipes."""
        table = self.table.markdown
        # Neighbouring places are equally far from their place in the sorted list.
        for _, run in groupby(enumerate(sorted(titles)), key=lambda one: one[1] - one[0]):
            places = [place for _, place in run]
            for line in (table.header, table.delimiter, *table.lines):
                self.edits.append(remove_cells(line, places))
        for place in sorted(titles):
            num_filled = sum(line.cells[place].text != _NOTHING for line in table.lines)
            filled = f"{num_filled} of {len(table.lines)} cells"
            self.changes.append(Change(line=table.header.number, column=titles[place], old=filled))


def _replaced_part(cell: Cell, column: str, new: str) -> Cell | None:
    """Return the part of a cell that has to change, or None if it says that already.

    Of a number, emphasis around it and remarks behind it stay.
    """
    if cell.text == new:
        return None
    number = stated_number(cell, METRICS[column]) if column in METRICS else None
    if number is not None and new in NOT_PRINTED:
        return cell  # a remark on no number would be left over
    old = number or Cell(start=cell.start + cell.raw.index(cell.core), raw=cell.core)
    return None if " ".join(old.raw.split()) == new else old


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """A line that is not a row of the zoo, or a number in it that is of no edition."""

    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Update:
    """What a README becomes."""

    old: str
    new: str
    """The same text where nothing has to change, character for character."""
    changes: tuple[Change, ...]
    unknown: tuple[Unknown, ...]
    """Lines that are not rows of the zoo and numbers of no edition; they stay as they are."""
    num_tables: int
    num_rows: int
    """Lines that are rows of the zoo."""
    num_unmeasured: int
    """Documented values in the tables without a full, comparable measurement."""
    num_documented: int


def update_readme(
    text: str,
    zoo: Zoo,
    measured: Measured,
    columns: Columns,
    where: str = "The text",
    edition: WantedEdition = "auto",
) -> Update:
    """Return a README's text with the cells changed whose value is another one.

    Args:
        text: of the README, with its line ends.
        zoo: rows and their documented values.
        measured: verdicts on what was measured; not read for "documented".
        columns: whose numbers the tables show.
        where: the file's name, for messages.
        edition: whose documented numbers the tables show; not read for "measured". With "auto" a
            number is replaced only by one of the edition that its line is of, and never by a blank
            or by one that was replaced itself.

    Raises:
        ReadmeError: there is no results table, or one has a line with too few or too many cells.
    """
    tables = results_tables(read_markdown(text), titles_of(zoo.tables), where)
    ragged = [
        f"  {where}:{line.number}: {explain_ragged(table, line)}."
        for table in tables
        for line in table.markdown.ragged()
        if not table.markdown.is_html
    ]
    if ragged:
        msg = (
            "Which cell is which cannot be told in lines that have too few or too many; correct "
            "them, nothing was changed:\n"
        )
        raise ReadmeError(msg + "\n".join(ragged))
    plans = [_plan(zoo, table, measured, columns, edition) for table in tables]
    changes = [change for plan in plans for change in plan.changes]
    unknown = [left for plan in plans for left in plan.left]
    documented = [was_measured for plan in plans for was_measured in plan.documented]
    return Update(
        old=text,
        new=spliced(text, [edit for plan in plans for edit in plan.edits]),
        changes=tuple(sorted(changes, key=lambda change: change.line)),
        unknown=tuple(sorted(unknown, key=lambda left: left.line)),
        num_tables=len(tables),
        num_rows=sum(len(plan.rows) for plan in plans),
        num_unmeasured=documented.count(False),
        num_documented=len(documented),
    )


def _plan(
    zoo: Zoo, table: ResultsTable, measured: Measured, columns: Columns, edition: WantedEdition
) -> TableChanges:
    """Return what has to change in a table."""
    rows: list[tuple[Line, Row]] = []
    editions: dict[int, LineEditions] = {}
    left: list[Unknown] = []
    for line, row in match_lines(zoo, table):
        found: Row | LineEditions | str = row
        if isinstance(row, Row) and columns != "measured":
            found = line_editions(table, line, row, edition)
        if isinstance(row, Row) and table.markdown.is_html:
            found = f"{row.name} is in a table of HTML, and only those of pipes are changed"
        if isinstance(found, str):
            left.append(Unknown(line=line.number, reason=found))
        elif isinstance(found, LineEditions):
            editions[line.number] = found
            rows.append((line, found.row))
        else:
            rows.append((line, found))
    plan = TableChanges(
        table=table, rows=rows, editions=editions, measured=measured, columns=columns, left=left
    )
    if not table.markdown.is_html:
        plan.make()
    return plan
