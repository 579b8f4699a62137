"""What is checked: the tables of a README or manifest, and where in the file everything is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from hrnet_zoo.readme.lint.codes import RULES, Severity
from hrnet_zoo.readme.names import checkpoint_stem
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A piece of a document."""

    text: str
    line: int
    """From 1."""
    column: int | None = None
    """From 1; None where only the line is known."""
    start: int | None = None
    """Offset in the text of the document; None where it cannot be edited."""

    @property
    def file_name(self) -> str:
        """Return the last part of a link."""
        return link_file_name(self.text)

    def overlaps(self, other: Spot) -> bool:
        """Whether a character belongs to both; pieces without an offset must be equal."""
        if self.start is None or other.start is None:
            return self == other
        ends = self.start + len(self.text), other.start + len(other.text)
        return max(self.start, other.start) < min(ends)

    def part(self, start: int, end: int) -> Self:
        """Return a part of this piece, from and to characters of its text."""
        return type(self)(
            text=self.text[start:end],
            line=self.line,
            column=None if self.column is None else self.column + start,
            start=None if self.start is None else self.start + start,
        )


@dataclass(frozen=True, kw_only=True)
class Patch:
    """What could stand in the document instead."""

    spot: Spot
    new: str
    is_safe: bool
    """Whether it is certainly right, so that --fix makes it."""

    @property
    def can_be_made(self) -> bool:
        """Whether it is safe, and its place known."""
        return self.is_safe and self.spot.start is not None

    def contradicts(self, other: Patch) -> bool:
        """Whether the two would change the same text, and differently."""
        return self != other and self.spot.overlaps(other.spot)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong or worth knowing."""

    code: str
    spot: Spot
    message: str
    patch: Patch | None = None

    @property
    def severity(self) -> Severity:
        """Return how grave it is."""
        return RULES[self.code].severity


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row of a results table."""

    place: Spot
    """Where the row begins."""
    cells: Mapping[str, Spot]
    """Cells of the known columns but links, without padding and emphasis."""
    config: Spot | None
    checkpoint: Spot | None
    log: Spot | None
    """Links."""
    row: Row | None
    """The row of the zoo that it is, if it is one."""

    def text(self, column: str) -> str:
        """Return a cell's text; empty if there is no such column."""
        return self.cells[column].text if column in self.cells else ""

    def spot(self, column: str) -> Spot:
        """Return where a cell is, or where the row is if there is no such column."""
        return self.cells.get(column, self.place)

    def number(self, metric: str) -> Decimal | None:
        """Return a printed number, or None where none is printed.

        Raises:
            ValueError: something else is printed there.
        """
        text = self.text(metric)
        # Sizes are often printed with their unit; it is the unit of the column in any case.
        unit = METRICS[metric].unit
        return printed_number(text.removesuffix(unit).rstrip() if unit in ("M", "G") else text)

    def readable(self, metric: str) -> Decimal | None:
        """Return a printed number, or None: that something else is printed is another finding."""
        try:
            return self.number(metric)
        except ValueError:
            return None

    @property
    def has_numbers(self) -> bool:
        """Whether any quantity is printed."""
        return any(self.text(metric) not in NOT_PRINTED for metric in METRICS)

    @property
    def stem(self) -> str | None:
        """Return the name of the configuration that the checkpoint's file name states."""
        return None if self.checkpoint is None else checkpoint_stem(self.checkpoint.file_name)


@dataclass(frozen=True, kw_only=True)
class LintTable:
    """One results table."""

    rows: Sequence[TableRow]
    ragged: Sequence[tuple[Spot, str]] = ()
    """Lines that cannot be read as rows, and why."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A README or manifest."""

    tables: Sequence[LintTable]
    links: Sequence[Spot]
    """All links, also outside tables."""

    @property
    def rows(self) -> Iterator[TableRow]:
        """Yield the rows of all tables."""
        for table in self.tables:
            yield from table.rows
