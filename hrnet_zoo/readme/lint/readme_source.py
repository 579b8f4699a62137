"""A README as a document to check."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace

from hrnet_zoo.readme.lint.document import Document, LintTable, Spot, TableRow
from hrnet_zoo.readme.markdown import Cell, Line, read_markdown
from hrnet_zoo.readme.matching import match_lines
from hrnet_zoo.readme.results import (
    ResultsTable,
    explain_ragged,
    links_of,
    results_tables,
    titles_of,
)
from hrnet_zoo.zoo.columns import LINKS
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

_LINK = re.compile(r"https?://[^\s()<>\[\]\"'|]+")


def readme_document(text: str, name: str, zoo: Zoo) -> Document:
    """Return the results tables of a README and all its links.

    Args:
        text: of the README, with its line ends as they are.
        name: of the file, for messages.
        zoo: what is known of the rows.

    Raises:
        ReadmeError: it has no results table.
    """
    tables = results_tables(read_markdown(text), titles_of(zoo.tables), name)
    lines = _Lines(text)
    return Document(
        tables=[_table(zoo, table, lines) for table in tables],
        links=[lines.spot(match[0], match.start()) for match in _LINK.finditer(text)],
    )


class _Lines:
    """Offsets as lines and columns, where Markdown sees lines: at LF, CRLF and CR only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in re.finditer(r"\r\n?|\n", text))]

    def spot(self, text: str, start: int) -> Spot:
        line = bisect_right(self._starts, start)
        return Spot(text=text, line=line, column=start - self._starts[line - 1] + 1, start=start)

    def start_of(self, number: int) -> Spot:
        return Spot(text="", line=number, column=1, start=self._starts[number - 1])

    def cell(self, cell: Cell) -> Spot:
        core = cell.core
        return self.spot(core, cell.start + cell.raw.find(core))

    def found(self, text: str | None, line: Line) -> Spot | None:
        """Return the first place of a text in a line of a table."""
        return (
            None if text is None else self.spot(text, self._text.index(text, line.cells[0].start))
        )


def _table(zoo: Zoo, table: ResultsTable, lines: _Lines) -> LintTable:
    ragged = table.markdown.ragged()
    whole = tuple(line for line in table.markdown.lines if line not in ragged)
    readable = replace(table, markdown=replace(table.markdown, lines=whole))
    known = {match.line.number: match.row for match in match_lines(zoo, readable)[0]}
    return LintTable(
        rows=[_row(readable, line, known.get(line.number), lines) for line in whole],
        ragged=[(_beginning(line, lines), explain_ragged(table, line)) for line in ragged],
    )


def _beginning(line: Line, lines: _Lines) -> Spot:
    # A line that is just a pipe has no cells.
    return lines.cell(line.cells[0]) if line.cells else lines.start_of(line.number)


def _row(table: ResultsTable, line: Line, row: Row | None, lines: _Lines) -> TableRow:
    links = links_of(line)
    return TableRow(
        place=_beginning(line, lines),
        cells={
            column: lines.cell(line.cells[place])
            for column, place in table.columns.items()
            if column not in LINKS
        },
        config=lines.found(links.config, line),
        checkpoint=lines.found(links.checkpoint, line),
        log=lines.found(links.log, line),
        row=row,
    )
