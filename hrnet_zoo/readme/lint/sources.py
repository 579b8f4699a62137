"""A README, or the tables that a manifest quotes, as a document to check."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hrnet_zoo.errors import ManifestError, ReadmeError
from hrnet_zoo.readme.importing.yaml_nodes import all_items, compose
from hrnet_zoo.readme.lint.document import Document, LintTable, Spot, TableRow
from hrnet_zoo.readme.markdown import Cell, Line, read_markdown
from hrnet_zoo.readme.results import (
    ResultsTable,
    explain_ragged,
    match_lines,
    results_tables,
    titles_of,
)
from hrnet_zoo.readme.text import LARGEST_BYTES
from hrnet_zoo.readme.values import says_nothing
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.zoo.columns import LINKS, normalised
from hrnet_zoo.zoo.manifest import Keys, load_zoo_with_lines
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo

_LINK = re.compile(r"https?://[^\s()<>\[\]\"'|]+")
_OF_METAFILES = ("Collections", "Models", "Import", "Name")
"""Keys at the top of metafiles, or of the models that they list."""
_ADDRESS = re.compile(r"\]\(\s*([^\s()]+)|href\s*=\s*[\"']?([^\s\"'>]+)|https?://[^\s|]+")
_NO_WEIGHTS = re.compile(r"paper|code|config|recipe|log|script|report|demo", re.IGNORECASE)
"""Titles of columns whose links are not the weights."""
_NO_FILE_OF_WEIGHTS = re.compile(
    r"\.(py|ya?ml|json|log|txt|md|csv|html?|pdf|png|jpe?g|sh|cfg)\b", re.IGNORECASE
)


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
        known={row.name for row in zoo.rows},
    )


class _Lines:
    """Offsets as lines and columns, where Markdown sees lines: at LF, CRLF and CR only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(m.end() for m in re.finditer(r"\r\n?|\n", text))]

    def spot(self, text: str, start: int) -> Spot:
        line = bisect_right(self._starts, start)
        return Spot(text, line, start - self._starts[line - 1] + 1, start)

    def cell(self, cell: Cell, line: Line) -> Spot:
        if cell.is_shared:  # it cannot be changed for one row only
            return Spot(cell.core, line.number)
        place = cell.core_start
        if place is None:
            return replace(self.spot(cell.core, cell.start), column=None, start=None)
        return self.spot(cell.core, place)

    def beginning(self, line: Line) -> Spot:
        # A line that is just a pipe has no cells, and the first cell in HTML may be another row's.
        if not line.cells or line.cells[0].is_html:
            return self.spot("", self._starts[line.number - 1])
        return self.cell(line.cells[0], line)

    def found(self, text: str | None, line: Line) -> Spot | None:
        """Return the first place of a text in a line of a table."""
        if text is None:
            return None
        own = (cell for cell in line.cells if text in cell.raw and not cell.is_shared)
        if (cell := next(own, None)) is not None:
            return self.spot(text, cell.start + cell.raw.index(text))
        return Spot(text, line.number)  # the line refers to it, or shares it


def _table(zoo: Zoo, table: ResultsTable, lines: _Lines) -> LintTable:
    return LintTable(
        rows=[
            _row(table, line, found if isinstance(found, Row) else None, lines)
            for line, found in match_lines(zoo, table)
        ],
        has_downloads="download" in table.columns,
        ragged=[
            (lines.beginning(line), explain_ragged(table, line)) for line in table.markdown.ragged()
        ],
    )


def _row(table: ResultsTable, line: Line, row: Row | None, lines: _Lines) -> TableRow:
    links = table.links(line)
    return TableRow(
        place=lines.beginning(line),
        cells={
            column: lines.cell(cell, line)
            for column, cell in table.cells(line).items()
            if column not in LINKS
        },
        config=lines.found(links.config, line),
        checkpoint=lines.found(links.checkpoint, line),
        log=lines.found(links.log, line),
        has_file=links.checkpoint is not None or _links_weights(table, line),
        others=_others(table, line),
        row=row,
    )


def _others(table: ResultsTable, line: Line) -> dict[str, str]:
    """Return the texts in the columns that are not known, by their titles, but no links."""
    titles = [normalised(cell.core) for cell in table.markdown.header.cells]
    known = set(table.columns.values())
    return {
        titles[place]: "" if says_nothing(cell) else cell.core
        for place, cell in enumerate(line.cells)
        if place not in known and not _addresses(cell)
    }


def _links_weights(table: ResultsTable, line: Line) -> bool:
    """Whether a line links something that can be weights, wherever they are kept."""
    said = {place for column, place in table.columns.items() if column not in LINKS}
    return any(
        not _NO_FILE_OF_WEIGHTS.search(address)
        for place, cell in enumerate(line.cells)
        if place not in said and not _NO_WEIGHTS.search(table.markdown.header.cells[place].core)
        for address in _addresses(cell)
    )


def _addresses(cell: Cell) -> list[str]:
    """Return what a cell links, with some of the text before it."""
    return [*cell.addresses, *(match[0] for match in _ADDRESS.finditer(cell.raw))]


def manifest_document(path: Path) -> Document:
    """Return the tables that a manifest quotes, and all its links.

    Its places cannot be edited: a quotation is corrected in the README.

    Raises:
        ManifestError: it is missing or breaks the schema.
        ReadmeError: it is a metafile.
    """
    try:
        zoo, lines = load_zoo_with_lines(path)
    except ManifestError:
        if _is_metafile(path):
            msg = (
                f"{path} is an OpenMMLab metafile, which lint does not read. Pass the README "
                f'beside it; "hrnet-zoo import {path}" reads what the metafile states.'
            )
            raise ReadmeError(msg) from None
        raise
    rows = {row.name: _quoted(row, ("rows", i), lines) for i, row in enumerate(zoo.rows)}
    links = [Spot(source.url, lines["sources", key, "url"]) for key, source in zoo.sources.items()]
    for i, row in enumerate(zoo.rows):
        quoted = rows[row.name]
        links += [link for link in (quoted.config, quoted.checkpoint, quoted.log) if link]
        if row.later is not None:
            links.append(
                Spot(row.later.checkpoint_url, lines["rows", i, "later", "checkpoint_url"])
            )
    tables = [
        LintTable(rows=[rows[row.name] for row in zoo.rows_of(t)], has_downloads=True)
        for t in zoo.tables
    ]
    return Document(tables=tables, links=links, known=set(rows))


def _is_metafile(path: Path) -> bool:
    """Whether a file has keys at its top that metafiles have and manifests have not."""
    try:
        content = read_regular(path, LARGEST_BYTES)
        root = compose(content.decode(errors="replace"), str(path))
    except (OSError, ReadmeError):
        return False
    return any(item.key in _OF_METAFILES for item in all_items(root))


def _quoted(row: Row, here: Keys, lines: Mapping[Keys, int]) -> TableRow:
    def link(field: str) -> Spot | None:
        url = getattr(row, field)
        return None if url is None else Spot(url, lines[*here, field])

    return TableRow(
        place=Spot(row.name, lines[here]),
        cells={
            column: Spot(text, lines[*here, "printed", column])
            for column, text in row.printed.items()
        },
        config=link("config_url"),
        checkpoint=link("checkpoint_url"),
        log=link("log_url"),
        has_file=row.checkpoint_url is not None,
        row=row,
    )
