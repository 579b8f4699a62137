"""Which tables of a text are results tables, and what their columns hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.markdown import Cell, Line, MarkdownTable, MarkdownText
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.columns import NETWORKS, columns_by_title, is_result, normalised
from hrnet_zoo.zoo.row import Table

_LINK = r"[^\s()<>\[\]\"'|]+"
_CHECKPOINT = re.compile(rf"{_LINK}\.pth\b")
_CONFIG = re.compile(rf"{_LINK}\.py\b")
_LOG = re.compile(rf"{_LINK}\.log(?:\.json)?\b")


class Links(NamedTuple):
    """The links in one line of a results table; None where there is none."""

    config: str | None
    checkpoint: str | None
    log: str | None


@dataclass(frozen=True, kw_only=True)
class ResultsTable:
    """A results table and which of its columns hold what."""

    markdown: MarkdownTable
    columns: Mapping[str, int]
    """Place of each known column, from 0."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the documented quantities that have a column."""
        return tuple(metric for metric in METRICS if metric in self.columns)

    def title(self, column: str) -> str:
        """Return a column's title as printed, without emphasis."""
        return self.markdown.header.cells[self.columns[column]].core

    def in_order(self) -> list[str]:
        """Return the known columns from left to right."""
        return sorted(self.columns, key=self.columns.__getitem__)

    def cell(self, line: Line, column: str) -> Cell:
        """Return the cell of a line in a column."""
        return line.cells[self.columns[column]]


def added_titles(table: ResultsTable, metric: str) -> tuple[str, str]:
    """Return the titles of the columns that "readme" adds beside a quantity's own."""
    return f"{table.title(metric)} (measured)", f"{table.title(metric)} (delta)"


def titles_of(tables: Iterable[Table]) -> dict[str, str]:
    """Return what columns are called, in upstream's READMEs and in the given tables."""
    own = {normalised(title): column for table in tables for title, column in table.columns.items()}
    return {**columns_by_title(), **own}


def results_tables(
    document: MarkdownText, titles: Mapping[str, str], where: str
) -> list[ResultsTable]:
    """Return the results tables of a text: those with a network or method and with results.

    Args:
        document: the text's tables.
        titles: what columns are called, normalised.
        where: the file's name, for the message.

    Raises:
        ReadmeError: there is none.
    """
    tables = []
    for table in document.tables:
        columns: dict[str, int] = {}
        for place, cell in enumerate(table.header.cells):
            column = titles.get(normalised(cell.core))
            if column is not None:
                columns.setdefault(column, place)
        if any(map(is_result, columns)) and any(c in columns for c in ("method", *NETWORKS)):
            tables.append(ResultsTable(markdown=table, columns=columns))
    if not tables:
        msg = (
            f"{where} has no results table: none of its {len(document.tables)} tables has a "
            'column such as "Backbone", "Method" or "Model" beside one such as "mIoU" or "box AP". '
            "Pass the README of a model zoo."
        )
        raise ReadmeError(msg)
    return tables


def explain_ragged(table: ResultsTable, line: Line) -> str:
    """Say how a line differs from its table's header."""
    there, expected = len(line.cells), len(table.markdown.header.cells)
    what = "a cell is missing or merged" if there < expected else "a pipe too many"
    cells = "1 cell" if there == 1 else f"{there} cells"
    return f'{cells} under a header of {expected}: {what}; write a pipe in text as "\\|"'


def links_of(line: Line) -> Links:
    """Return the links of a line, by the ends of their file names."""
    text = " ".join(cell.raw for cell in line.cells)
    found = [pattern.search(text) for pattern in (_CONFIG, _CHECKPOINT, _LOG)]
    return Links(*(match and match[0] for match in found))
