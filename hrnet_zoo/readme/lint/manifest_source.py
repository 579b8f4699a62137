"""A manifest as a document to check: what it quotes, with the lines of the YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hrnet_zoo.readme.lint.document import Document, LintTable, Spot, TableRow
from hrnet_zoo.zoo.manifest import Keys, load_zoo_with_lines
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo


def manifest_document(path: Path) -> Document:
    """Return the tables that a manifest quotes, and all its links.

    Its places cannot be edited: a quotation is corrected in the README.

    Raises:
        ManifestError: it is missing or breaks the schema.
    """
    zoo, lines = load_zoo_with_lines(path)
    place_of = {row.name: place for place, row in enumerate(zoo.rows)}
    tables = [
        LintTable(
            rows=[_row(row, ("rows", place_of[row.name]), lines) for row in zoo.rows_of(table)],
        )
        for table in zoo.tables
    ]
    return Document(tables=tables, links=list(_links(zoo, lines)))


def _row(row: Row, here: Keys, lines: Mapping[Keys, int]) -> TableRow:
    return TableRow(
        place=Spot(text=row.name, line=lines[here]),
        cells={
            column: Spot(text=text, line=lines[*here, "printed", column])
            for column, text in row.printed.items()
        },
        config=_link(row.config_url, lines, (*here, "config_url")),
        checkpoint=_link(row.checkpoint_url, lines, (*here, "checkpoint_url")),
        log=_link(row.log_url, lines, (*here, "log_url")),
        row=row,
    )


def _links(zoo: Zoo, lines: Mapping[Keys, int]) -> Iterator[Spot]:
    for key, source in zoo.sources.items():
        yield Spot(text=source.url, line=lines["sources", key, "url"])
    for i, row in enumerate(zoo.rows):
        for field in ("config_url", "checkpoint_url", "log_url"):
            link = _link(getattr(row, field), lines, ("rows", i, field))
            if link is not None:
                yield link
        if row.later is not None:
            url = row.later.checkpoint_url
            yield Spot(text=url, line=lines["rows", i, "later", "checkpoint_url"])


def _link(url: str | None, lines: Mapping[Keys, int], keys: Keys) -> Spot | None:
    return None if url is None else Spot(text=url, line=lines[keys])
