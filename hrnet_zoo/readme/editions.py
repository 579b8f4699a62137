"""Which editions of its row a line of a README can be of, and what its cells should say by that.

Upstream states some numbers anew, often for the same file, and a README that prints them is right.
So a number that any edition states for the linked file stays, and one that none states is replaced
only where it is clear by which.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from hrnet_zoo.readme.markdown import Cell, Line
from hrnet_zoo.readme.names import labels_of
from hrnet_zoo.readme.results import ResultsTable
from hrnet_zoo.readme.values import says_nothing, stated_number
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.printed import NOT_PRINTED, decimals_of, printed_number
from hrnet_zoo.zoo.row import EDITIONS, EditionName, Row

WantedEdition = Literal[EditionName, "auto"]
"""Whose numbers a README should print; auto: those of the edition that each line is of already."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a cell should say."""

    text: str | None = None
    """None: the cell stays."""
    why_left: str | None = None
    """Why it stays although no edition says that; None where nothing is wrong."""


@dataclass(frozen=True, kw_only=True)
class LineEditions:
    """The editions of its row that a line can be of."""

    row: Row
    """The row in the one of them that states most of the line's numbers."""
    editions: tuple[Row, ...]
    """The row in all its editions."""
    possible: tuple[Row, ...]
    """Of these the one that is wanted, or else those whose file the line links; all if it links
    none."""
    links_file: bool
    """Whether the line links its row's file, or the manifest knows of none."""
    is_wanted: bool
    """Whether one edition was asked for, whose cells replace all others then, also by blanks."""

    def expected(self, column: str, cell: Cell) -> Expected:
        """Return what a cell should say.

        Args:
            column: which column of the manifest's tables it stands in; not one of links.
            cell: what stands there.
        """
        if column not in METRICS:
            return Expected(text=self._label(column, cell))
        number = stated_number(cell, METRICS[column])
        if number is not None:
            return self._replaced(column, Decimal(number.raw))
        if (why := why_unclear(column, cell)) is not None:
            return Expected(why_left=why if self._texts(column) else None)
        # Without a file it may be another training of the row whose numbers stand there.
        return Expected(text=self._only(column) if self.links_file or self.is_wanted else None)

    def _label(self, column: str, cell: Cell) -> str | None:
        if column == "backbone" and " ".join(cell.core.split()) in labels_of(self.row):
            return None  # a wrong width that was corrected
        text = self.row.text(column)
        return None if text in NOT_PRINTED and not self.is_wanted else text

    def _only(self, metric: str) -> str | None:
        """Return the one number that the line can have, or None if there is none, or several."""
        texts = self._texts(metric)
        # What is computed from milliseconds was never printed: it is only compared with.
        printed = {row.text(metric) for row in self.possible} - {*NOT_PRINTED}
        return texts[0] if len(texts) == 1 and texts[0] in printed else None

    def _replaced(self, metric: str, number: Decimal) -> Expected:
        """Return what should stand in place of a number."""
        texts = self._texts(metric, decimals_of(number))
        for text in texts:
            if printed_number(text) == number:
                return Expected(text=text)
        if not texts or self.is_wanted:
            return Expected(text=texts[0] if texts else None)
        if self._is_newer(metric, number):
            why = (
                f"of the later edition, and the linked file, the README's, has {texts[0]}; link "
                'the later file, or "--edition readme" replaces the number'
            )
            return Expected(why_left=f"{METRICS[metric].title} {number} is {why}")
        only = self._only(metric) if self.links_file and _is_of_file(metric) else None
        if only is not None:
            return Expected(text=only)
        return Expected(why_left=self._unknown(metric, number))

    def _unknown(self, metric: str, number: Decimal) -> str:
        """Say that a number is of no edition, and which there are."""
        known = {
            row.edition: "none" if text in NOT_PRINTED else text
            for row in self.editions
            if (text := stated(row, metric, decimals_of(number))) is not None
        }
        said = ", ".join(f"{edition} {text}" for edition, text in known.items())
        flags = " or ".join(f'"--edition {edition}"' for edition in known)
        return f"{METRICS[metric].title} {number} is of no edition ({said}); {flags} replaces it"

    def _texts(self, metric: str, decimals: int = 1) -> list[str]:
        """Return what is stated of a metric by the editions that the line can be of."""
        rows = self.possible
        if not _is_of_file(metric) and not self.is_wanted:
            numbers = {printed_number(stated(row, metric)) for row in self.editions} - {None}
            rows = self.editions if len(numbers) > 1 else rows
        texts = [stated(row, metric, decimals) for row in rows]
        return [text for text in dict.fromkeys(texts) if text is not None]

    def _is_newer(self, metric: str, number: Decimal) -> bool:
        """Whether a number is that of an edition after all that the line can be of."""
        last = EDITIONS.index(self.possible[-1].edition)
        return any(
            printed_number(stated(row, metric)) == number for row in self.editions[last + 1 :]
        )


def _is_of_file(metric: str) -> bool:
    """Whether a number is measured in the file, which tells whose it is; not memory and speed."""
    return METRICS[metric].protocol is not None


def why_unclear(metric: str, cell: Cell) -> str | None:
    """Say that a cell holds neither nothing nor just a number; None if it does.

    Args:
        metric: whose column it stands in.
        cell: what stands there.
    """
    if says_nothing(cell) or stated_number(cell, METRICS[metric]) is not None:
        return None
    title = METRICS[metric].title
    return f'{title} "{cell.text}" is not clearly one number in its unit; write just the number'


def stated(row: Row, metric: str, decimals: int = 1) -> str | None:
    """Return what an edition states of a metric, or None if it says nothing of it.

    Args:
        row: the row in that edition.
        metric: its name.
        decimals: of images per second that are computed from milliseconds.
    """
    if row.edition == "later" and row.later is not None:
        return row.later.stated(metric, decimals)
    return row.text(metric)


def line_editions(
    table: ResultsTable, line: Line, row: Row, wanted: WantedEdition
) -> LineEditions | str:
    """Return the editions that a line can be of; a text says why it has to stay as it is.

    Args:
        table: the line's table.
        line: one that is the row.
        row: in any edition.
        wanted: whose numbers the line should print.
    """
    editions = row.editions
    text = " ".join(part for cell in line.cells for part in (cell.raw, *cell.addresses))
    linked = tuple(e for e in editions if e.checkpoint_url and e.checkpoint_file_name in text)
    possible = linked or editions
    if wanted != "auto":
        if wanted not in [one.edition for one in editions]:
            return f"{row.name} has no {wanted} edition"
        possible = tuple(one for one in possible if one.edition == wanted)
        if not possible:
            there = linked[0].edition
            return f"it links the {there} edition's file of {row.name}; link the other first"
    numbers = {
        column: Decimal(number.raw)
        for column, place in table.places(line).items()
        if column in METRICS and (number := stated_number(line.cells[place], METRICS[column]))
    }

    def num_stated(one: Row) -> int:
        return sum(printed_number(stated(one, m)) == number for m, number in numbers.items())

    return LineEditions(
        row=possible[0] if linked else max(possible, key=num_stated),
        editions=editions,
        possible=possible,
        links_file=bool(linked) or not any(one.checkpoint_url for one in editions),
        is_wanted=wanted != "auto",
    )
