"""What is checked, the tables of a README or manifest, and what is found in them, with its place.

Codes never change their meaning, and a code that is no longer found is not given away again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, NamedTuple, Self

from hrnet_zoo.readme.lint.other_columns import is_accuracy
from hrnet_zoo.readme.names import checkpoint_stem
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.columns import LABELS, is_percent
from hrnet_zoo.zoo.printed import NOT_PRINTED, printed_number
from hrnet_zoo.zoo.row import Row

Severity = Literal["error", "warning", "info"]


class Rule(NamedTuple):
    """What a code stands for."""

    severity: Severity
    """An error is certainly wrong, a warning mostly; an info is worth knowing. Single findings can
    be infos of any code."""
    meaning: str


RULES: dict[str, Rule] = {
    "HZ101": Rule("error", "a line of a table has more or fewer cells than its header"),
    "HZ102": Rule("warning", "a blank row: neither numbers nor a file"),
    "HZ103": Rule("warning", "a row with numbers but no file, or a file but no accuracy"),
    "HZ104": Rule("info", "fewer or more decimals than the rest of the column"),
    "HZ105": Rule("warning", "two rows of a table claim to be the same thing"),
    "HZ106": Rule("warning", "something else than a number in a column of numbers"),
    "HZ107": Rule("error", "an impossible number"),
    "HZ201": Rule("error", "the backbone's label contradicts the name of the linked file"),
    "HZ202": Rule("error", "a row without a file has a backbone's label that is wrong elsewhere"),
    "HZ203": Rule("error", "the schedule contradicts the name of the linked file"),
    "HZ204": Rule("warning", "crop size, GN or MS train contradicts the name of the linked file"),
    "HZ205": Rule("error", "the linked configuration and the linked file have different names"),
    "HZ301": Rule("error", "a link to a host that is retired"),
    "HZ302": Rule("warning", "a log that is named otherwise than its checkpoint"),
    "HZ303": Rule("error", "a log of another model"),
    "HZ304": Rule("error", "the same log in two rows"),
    "HZ305": Rule("error", "the same checkpoint in two rows"),
    "HZ306": Rule("warning", "a checkpoint whose name does not end in eight digits of its SHA-256"),
    "HZ401": Rule("warning", "upstream replaced these weights later"),
    "HZ402": Rule("warning", "weights much newer than their table: speed and memory may be older"),
    "HZ403": Rule("info", "upstream published this row's numbers later"),
    "HZ404": Rule("warning", "upstream states another value for the same weights later"),
    "HZ501": Rule("info", "fps out of order with multiply-adds"),
    "HZ502": Rule("error", "a number of parameters that is not the network's"),
    "HZ601": Rule("error", "a file whose content has another SHA-256 than its name promises"),
    "HZ602": Rule("error", "a file whose tensors have another width than the label or name says"),
    "HZ603": Rule("error", "a file that cannot be read as a checkpoint"),
}
"""1xx the table itself, 2xx names, 3xx links, 4xx what came later, 5xx numbers against the network,
6xx against files on disk."""


@dataclass(frozen=True)
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
        column, offset = (at if at is None else at + start for at in (self.column, self.start))
        return type(self)(self.text[start:end], self.line, column, offset)


@dataclass(frozen=True)
class Patch:
    """What could stand in the document instead."""

    spot: Spot
    new: str
    is_safe: bool = False
    """Whether it is certainly right, so that --fix makes it."""

    @property
    def can_be_made(self) -> bool:
        """Whether it is safe, and its place known."""
        return self.is_safe and self.spot.start is not None

    def contradicts(self, other: Patch) -> bool:
        """Whether the two would change the same text, and differently."""
        return self != other and self.spot.overlaps(other.spot)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing."""

    code: str
    spot: Spot
    message: str
    patch: Patch | None = None
    is_info: bool = False
    """Whether it is worth knowing only, although others of its code are wrong."""
    row: str | None = None
    """The name of the row that it is about; empty if it is about no single row."""

    @property
    def severity(self) -> Severity:
        """Return how grave it is."""
        return "info" if self.is_info else RULES[self.code].severity


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """One row of a results table."""

    place: Spot
    """Where the row begins."""
    cells: Mapping[str, Spot]
    """Cells of the known columns but links, without padding and emphasis."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Texts of all other columns but links, by their titles in lower case."""
    config: Spot | None
    checkpoint: Spot | None
    log: Spot | None
    """Links."""
    has_file: bool
    """Whether weights are linked, in whichever form."""
    row: Row | None
    """The row of the zoo that it is, if it is one."""

    def text(self, column: str) -> str:
        """Return a cell's text; empty if there is no such column."""
        return self.cells[column].text if column in self.cells else ""

    def spot(self, column: str) -> Spot:
        """Return where a cell is, or where the row is if there is no such column."""
        return self.cells.get(column, self.place)

    def prints(self, metric: str) -> bool:
        """Whether anything is printed for a quantity."""
        return self.text(metric) not in NOT_PRINTED

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
        return any(map(self.prints, METRICS)) or self.has_accuracy

    @property
    def accuracies(self) -> Sequence[str]:
        """Return the cells of all accuracies, also of those that no table of ours has."""
        ours = [spot.text for column, spot in self.cells.items() if is_percent(column)]
        return ours + [text for title, text in self.others.items() if is_accuracy(title)]

    @property
    def has_accuracy(self) -> bool:
        """Whether any accuracy is printed."""
        return any(text not in NOT_PRINTED for text in self.accuracies)

    @property
    def labels(self) -> dict[str, str]:
        """Return the printed labels by their columns; none in a line that goes on with another."""
        texts = {column: self.text(column) for column in LABELS}
        return {column: text for column, text in texts.items() if text.strip("-\u2013\u2014")}

    @property
    def claims(self) -> dict[str, str]:
        """Return all texts that tell it from other rows, by their columns."""
        return self.labels | {
            title: text
            for title, text in self.others.items()
            if not is_accuracy(title) and text not in NOT_PRINTED
        }

    @property
    def name(self) -> str:
        """Return what to call it: as the zoo does, by its labels, or as its file is named."""
        known = None if self.row is None else self.row.name
        return known or ", ".join(self.claims.values()) or self.stem or ""

    @property
    def spots(self) -> list[Spot]:
        """Return all places of its own."""
        links = [link for link in (self.config, self.checkpoint, self.log) if link is not None]
        return [self.place, *self.cells.values(), *links]

    @property
    def config_name(self) -> str | None:
        """Return the name of the linked configuration, without its ending."""
        return None if self.config is None else self.config.file_name.rpartition(".")[0]

    @property
    def stem(self) -> str | None:
        """Return the name of the configuration that the checkpoint's file name states."""
        return None if self.checkpoint is None else checkpoint_stem(self.checkpoint.file_name)


@dataclass(frozen=True, kw_only=True)
class LintTable:
    """One results table."""

    rows: Sequence[TableRow]
    has_downloads: bool
    """Whether it has a column for files."""
    ragged: Sequence[tuple[Spot, str]] = ()
    """Lines that cannot be read as rows, and why."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A README or manifest."""

    tables: Sequence[LintTable]
    links: Sequence[Spot]
    """All links, also outside tables."""
    known: Set[str]
    """Names of the zoo's rows."""

    @property
    def rows(self) -> Iterator[TableRow]:
        """Yield the rows of all tables."""
        for table in self.tables:
            yield from table.rows
