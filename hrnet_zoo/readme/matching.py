"""Which row of the zoo each line of a results table is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hrnet_zoo.readme.markdown import Line
from hrnet_zoo.readme.names import labels_of
from hrnet_zoo.readme.results import ResultsTable, links_of
from hrnet_zoo.weights.file_name import link_file_name
from hrnet_zoo.zoo.columns import LABELS, normalised
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo


def match_lines(zoo: Zoo, table: ResultsTable) -> list[tuple[Line, Row | str]]:
    """Return each whole line of a table with the row of the zoo that it is, or why it is none.

    A checkpoint's file name decides, wherever it is hosted; then that of the configuration or log.
    A line without links is the row of the same table whose cells of text are equal, if there is
    just one and no other line is it.
    """
    ragged = table.markdown.ragged()
    lines = [line for line in table.markdown.lines if line not in ragged]
    linked = {line.number: row for line in lines if (row := _linked_row(zoo, line)) is not None}
    candidates = _candidates(zoo, table, list(linked.values()))
    matches: list[tuple[Line, Row | str]] = []
    for line in lines:
        found: Row | str | None = linked.get(line.number)
        if found is None:
            has_file = links_of(line).checkpoint is not None
            found = _unknown_file(zoo, line) if has_file else _by_text(table, line, candidates)
        matches.append((line, found))
    return matches


def _linked_row(zoo: Zoo, line: Line) -> Row | None:
    links = links_of(line)
    for link, name_of in (
        (links.checkpoint, lambda row: row.checkpoint_file_name),
        (links.config, lambda row: f"{row.name}.py"),
        (links.log, lambda row: link_file_name(row.log_url or "")),
    ):
        if link is not None:
            return next((row for row in zoo.rows if name_of(row) == link_file_name(link)), None)
    return None


def _unknown_file(zoo: Zoo, line: Line) -> str:
    """Say that a line links a file that the zoo does not, and what the zoo has instead."""
    file_name = link_file_name(links_of(line).checkpoint or "")
    for row in zoo.rows:
        if row.later is not None and link_file_name(row.later.checkpoint_url) == file_name:
            return f"{file_name} is the file of the later edition of {row.name}"
    named = [row for row in zoo.rows if file_name.startswith(f"{row.name}_")]
    if named:
        row = max(named, key=lambda row: len(row.name))
        has = row.checkpoint_file_name or "no file"
        return f"{file_name} is not in the zoo, whose {row.name} links {has}"
    return f"{file_name} is not in the zoo"


def _candidates(zoo: Zoo, table: ResultsTable, linked: Sequence[Row]) -> list[Row]:
    """Return the rows that a line without links can be: those of the same table, if it is known."""
    heading = normalised(table.markdown.heading)
    headings = [row.table for row in zoo.rows if normalised(row.table) == heading]
    counted = Counter(headings or [row.table for row in linked])
    known = counted.most_common(1)[0][0] if counted else None
    taken = {row.name for row in linked}
    return [row for row in zoo.rows if row.name not in taken and known in (None, row.table)]


def _by_text(table: ResultsTable, line: Line, candidates: list[Row]) -> Row | str:
    """Return the row of a line without links, by its cells of text, or why there is not just one.

    Used-up candidates are taken out.
    """
    columns = [column for column in table.columns if column in LABELS]
    printed = {column: normalised(table.cell(line, column).core) for column in columns}
    fitting = [row for row in candidates if all(_equal(row, *one) for one in printed.items())]
    if len(fitting) == 1:
        candidates.remove(fitting[0])
        return fitting[0]
    shown = ", ".join(table.cell(line, column).text for column in columns)
    names = ", ".join(row.name for row in fitting[:3])
    if fitting:
        return f"no link to a file, and several rows of the zoo print the same ({names})"
    return f'no link to a file, and no row of the zoo is "{shown}" in this table'


def _equal(row: Row, column: str, text: str) -> bool:
    """Compare a row with a cell; a column that the zoo's table lacks says nothing."""
    quoted = row.text(column)
    texts = labels_of(row) if column == "backbone" else (quoted or "",)
    return quoted is None or text in map(normalised, texts)
