"""Which tables of a text are results tables, and which rows of the zoo their lines are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.markdown import Cell, Line, MarkdownTable, MarkdownText
from hrnet_zoo.readme.names import labels_of
from hrnet_zoo.readme.titles import columns_of
from hrnet_zoo.readme.values import says_nothing, stated_number
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.weights.file_name import link_file_name, promised_sha256
from hrnet_zoo.zoo.columns import (
    LABELS,
    NETWORKS,
    is_result,
    normalised,
    title_key,
    titles_of_columns,
)
from hrnet_zoo.zoo.printed import NOT_PRINTED
from hrnet_zoo.zoo.row import Row, Table
from hrnet_zoo.zoo.zoo import Zoo

_IN_LINK = r"[^\s()<>\[\]\"'|]"
# Only from its beginning: else each place of what is long and no link would be a new try.
_LINK = rf"(?<!{_IN_LINK}){_IN_LINK}+"
_CHECKPOINT = re.compile(rf"{_LINK}\.(?:pth(?:\.tar)?|pkl|pt|pdparams|safetensors|ckpt)\b")
_CONFIG = re.compile(rf"{_LINK}\.py\b")
_LOG = re.compile(rf"{_LINK}\.log(?:\.json)?\b")
_TEXT_OF_LINK = re.compile(r"\[[^\[\]]*\](?=[(\[])")
_LONGEST_CELL = 10_000
"""Characters; with links, those of model zoos have some hundred."""
_MOST_CELLS = 100_000
"""In all tables of a file; model zoos have some hundred."""
_BEFORE_TRAINING = re.compile(r"pre ?train|backbone|22k model")
"""Titles of columns that link the weights with which training began, by `title_key`."""
_FLAGS = ("multi scale", "flip", "tta")
"""Titles of columns that say how a line was tested, by `title_key`."""
_NO = ("no", "n", "false", "none", "x", "\u00d7", "\u2717", "\u2718", "\u274c")
_YES = ("yes", "y", "true", "\u2713", "\u2714", "\u221a")


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
    """Place of each known column, from 0; from left to right."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """Return the documented quantities that have a column."""
        return tuple(metric for metric in METRICS if metric in self.columns)

    def title(self, column: str) -> str:
        """Return a column's title as printed, without emphasis."""
        return self.markdown.header.cells[self.columns[column]].core

    def cell(self, line: Line, column: str) -> Cell:
        """Return the cell of a line in a column.

        In that of a quantity it is just the number, if that is clear, and "-" for no number.
        """
        return _read(line.cells[self.columns[column]], column)

    def cells(self, line: Line) -> dict[str, Cell]:
        """Return the cells of the known columns, as this line fills them; see `cell`."""
        return {column: _read(line.cells[i], column) for column, i in self.places(line).items()}

    def places(self, line: Line) -> dict[str, int]:
        """Return the place of each known column, as this line fills them.

        In some tables, columns "Multi-scale", "Flip" or "TTA" say by what protocol a line was
        tested.
        """
        places = dict(self.columns)
        keys = self._title_keys
        flags = {key: _is_set(key, line.cells[keys.index(key)]) for key in _FLAGS if key in keys}
        if any(flags.values()):
            tested = {m: places.pop(m) for m in self.metrics if METRICS[m].protocol == SINGLE}
            if "miou" in tested and flags.get("multi scale") and flags.get("flip"):
                places.setdefault("miou_ms_flip", tested["miou"])
        return places

    @cached_property
    def _title_keys(self) -> list[str]:
        """Read once for all lines."""
        return [title_key(cell.core) for cell in self.markdown.header.cells]

    def links(self, line: Line) -> Links:
        """Return the links of a line; the checkpoint is never the one that training began with.

        It is none either if several are linked and no title tells the row's own.
        """
        own = [
            cell
            for title, cell in zip(self._title_keys, line.cells, strict=False)
            if _BEFORE_TRAINING.match(title) is None
        ]
        found = {link for cell in own for link in _linked_files(cell)}
        return links_of(line)._replace(checkpoint=found.pop() if len(found) == 1 else None)


def added_titles(table: ResultsTable, metric: str) -> tuple[str, str]:
    """Return the titles of the columns that "readme" adds beside a quantity's own."""
    return f"{table.title(metric)} (measured)", f"{table.title(metric)} (delta)"


def titles_of(tables: Iterable[Table]) -> dict[str, str]:
    """Return what columns are called, in upstream's READMEs and in the given tables."""
    known = {title_key(t): column for column, titles in titles_of_columns().items() for t in titles}
    own = {title_key(title): column for table in tables for title, column in table.columns.items()}
    return known | own


def results_tables(
    document: MarkdownText, titles: Mapping[str, str], where: str
) -> list[ResultsTable]:
    """Return the results tables of a text: those with a network or method and with results.

    Args:
        document: the text's tables.
        titles: what columns are called, by `title_key`.
        where: the file's name, for the message.

    Raises:
        ReadmeError: there is none, or one that nobody could read.
    """
    tables = []
    _require_reasonable(document.tables, where)
    for table in document.tables:
        columns = columns_of(table, titles)
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


def _require_reasonable(tables: Iterable[MarkdownTable], where: str) -> None:
    """Refuse what takes minutes to look at, and is not for people to read."""
    num_cells = 0
    for line in (line for table in tables for line in (table.header, *table.lines)):
        num_cells += len(line.cells)
        if max((len(cell.raw) for cell in line.cells), default=0) > _LONGEST_CELL:
            msg = f"{where}:{line.number}: a cell has more than {_LONGEST_CELL} characters."
            raise ReadmeError(msg)
        if num_cells > _MOST_CELLS:
            msg = f"{where}:{line.number}: more than {_MOST_CELLS} cells in tables. Split the file."
            raise ReadmeError(msg)


def explain_ragged(table: ResultsTable, line: Line) -> str:
    """Say how a line differs from its table's header."""
    there, expected = len(line.cells), len(table.markdown.header.cells)
    cells = "1 cell" if there == 1 else f"{there} cells"
    if table.markdown.is_html:
        what = "a <td> is missing" if there < expected else "a <td> too many"
        return f"{cells} under a header of {expected}: {what}, or a colspan or rowspan is wrong"
    what = "a cell is missing or merged" if there < expected else "a pipe too many"
    return f'{cells} under a header of {expected}: {what}; write a pipe in text as "\\|"'


def links_of(line: Line) -> Links:
    """Return the links of a line, by the ends of their file names."""
    text = " ".join(map(_linked_text, line.cells))
    found = [pattern.search(text) for pattern in (_CONFIG, _CHECKPOINT, _LOG)]
    return Links(*(match and match[0] for match in found))


def _linked_text(cell: Cell) -> str:
    """Return the text that a cell's links are found in: what they are called may be a file, too."""
    return " ".join((*cell.addresses, _TEXT_OF_LINK.sub(" ", cell.raw)))


def _linked_files(cell: Cell) -> list[str]:
    """Return a cell's links to weights, of mirrors of one file the first."""
    links = [match[0] for match in _CHECKPOINT.finditer(_linked_text(cell))]
    return list({link_file_name(link): link for link in reversed(links)}.values())


def _read(cell: Cell, column: str) -> Cell:
    metric = METRICS.get(column)
    if metric is None or cell.core in NOT_PRINTED:
        return cell
    if says_nothing(cell):
        return Cell(start=cell.start, raw=NOT_PRINTED[-1])
    return stated_number(cell, metric) or cell


def _is_set(flag: str, cell: Cell) -> bool:
    said = normalised(cell.core)
    if flag == "tta":  # what was done is said in many ways: "ms+flip"
        return not says_nothing(cell) and said not in _NO
    return said in _YES


def match_lines(zoo: Zoo, table: ResultsTable) -> list[tuple[Line, Row | str]]:
    """Return each whole line of a table with the row of the zoo that it is, or why it is none.

    A checkpoint's file name decides, wherever it is hosted; then that of the configuration or log.
    Where only a later edition has the file, the row is in that edition.
    A line without links is the row of the same table whose cells of text are equal, if there is
    just one and no other line is it; the heading or other lines' links tell which table that is.
    """
    lines = table.markdown.whole()
    links = {line.number: table.links(line) for line in lines}
    linked = {n: row for n, there in links.items() if (row := _linked_row(zoo, there)) is not None}
    matches: dict[int, Row | str] = {
        n: _unknown_file(zoo, there.checkpoint) for n, there in links.items() if there.checkpoint
    }
    matches |= linked
    rest = [line for line in lines if line.number not in matches]
    matches |= _by_text(table, rest, _candidates(zoo, table, list(linked.values())))
    return [(line, matches[line.number]) for line in lines]


def _linked_row(zoo: Zoo, links: Links) -> Row | None:
    if links.checkpoint is not None:
        return _row_with(zoo, link_file_name(links.checkpoint))
    if links.config is not None:
        config = link_file_name(links.config)
        return next((row for row in zoo.rows if f"{row.name}.py" == config), None)
    log = link_file_name(links.log or "")
    logged = (row for row in zoo.rows if row.log_url and link_file_name(row.log_url) == log)
    return next(logged, None)


def _row_with(zoo: Zoo, checkpoint: str) -> Row | None:
    """Return the row whose file has this name, in the first edition that has it."""
    for row in zoo.rows:
        if row.checkpoint_file_name == checkpoint:
            return row
        if row.later is not None and link_file_name(row.later.checkpoint_url) == checkpoint:
            return row.in_edition("later")
    return None


def _unknown_file(zoo: Zoo, link: str) -> str:
    """Say that a line links a file that the zoo does not, and what the zoo has instead.

    The line is not a row then, whatever its labels: its numbers are another file's, and stay.
    """
    file_name = link_file_name(link)
    named = [row for row in zoo.rows if file_name.startswith(f"{row.name}_")]
    if named:
        row = max(named, key=lambda row: len(row.name))
        has = row.checkpoint_file_name or "no file"
        digits = promised_sha256(file_name)
        noted = [note.rstrip(".") for note in row.notes if digits and digits in note]
        what = f"{file_name} is not in the zoo, whose {row.name} links {has}"
        return f"{what} (the manifest notes: {noted[0]})" if noted else what
    return f"{file_name} is not in the zoo"


def _candidates(zoo: Zoo, table: ResultsTable, linked: Sequence[Row]) -> list[Row] | None:
    """Return the rows that lines without links can be, or None if the table is not of the zoo."""
    heading = normalised(table.markdown.heading)
    headings = [row.table for row in zoo.rows if normalised(row.table) == heading]
    counted = Counter(headings or [row.table for row in linked])
    if not counted:
        return None
    known, taken = counted.most_common(1)[0][0], {row.name for row in linked}
    return [row for row in zoo.rows if row.name not in taken and row.table == known]


def _by_text(
    table: ResultsTable, lines: Sequence[Line], candidates: Sequence[Row] | None
) -> dict[int, Row | str]:
    """Return the rows of lines without links, by their cells of text, or why they are none."""
    if candidates is None:
        above = f'the heading "{table.markdown.heading}"' if table.markdown.heading else "a heading"
        why = (
            f"no link to a file, and neither {above} nor a link tells which table of the zoo it is"
        )
        return {line.number: why for line in lines}
    fitting = {line.number: _fitting(table, line, candidates) for line in lines}
    return {line.number: _only_row(table, line, fitting) for line in lines}


def _labels(table: ResultsTable, line: Line) -> dict[str, Cell]:
    return {column: table.cell(line, column) for column in table.columns if column in LABELS}


def _fitting(table: ResultsTable, line: Line, candidates: Sequence[Row]) -> list[Row]:
    printed = {column: normalised(cell.core) for column, cell in _labels(table, line).items()}
    return [
        row
        for row in candidates
        if all(_equal(row, *one) for one in printed.items())
        and any(row.text(column) is not None for column in printed)
    ]


def _only_row(table: ResultsTable, line: Line, fitting: Mapping[int, Sequence[Row]]) -> Row | str:
    """Return the row that just this line fits, or why there is none.

    Args:
        table: the lines' table.
        line: one of them.
        fitting: number of a line -> rows that it can be, for all lines without links.
    """
    rows = fitting[line.number]
    if not rows:
        shown = ", ".join(cell.text for cell in _labels(table, line).values())
        return f'no link to a file, and no row of the zoo is "{shown}" in this table, unless linked'
    if len(rows) > 1:
        names = ", ".join(row.name for row in rows[:3])
        return f"no link to a file, and several rows of the zoo print the same ({names})"
    others = (n for n, theirs in fitting.items() if n != line.number and theirs == rows)
    if (other := next(others, None)) is not None:
        return f"no link to a file, and line {other} can be {rows[0].name} as well"
    return rows[0]


def _equal(row: Row, column: str, text: str) -> bool:
    """Compare a row with a cell; a column that the zoo's table lacks says nothing."""
    quoted = row.text(column)
    texts = labels_of(row) if column == "backbone" else (quoted or "",)
    return quoted is None or text in map(normalised, texts)
