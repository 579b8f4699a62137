"""Where the tables of a Markdown text are: lines and cells as offsets into the text itself.

A Markdown parser says what is a table, also inside lists and quotes; the cells are then found in
the original lines, because the parser does not keep their padding, line ends and prefixes. It also
says what is HTML, and where addresses stand that links only refer to.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, groupby, zip_longest
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import normalizeReference
from markdown_it.rules_block import StateBlock, table
from markdown_it.token import Token

from hrnet_zoo.readme.headings import EMPHASIS, Above, Headings
from hrnet_zoo.readme.html_tables import (
    HtmlHeading,
    HtmlRow,
    HtmlTable,
    masked,
    plain_text,
    read_html,
)

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+\Z")
# Pipes in code spans split cells, too, unless they are escaped: so do GitHub and the parser.
PIPE = re.compile(r"(?<!\\)\|")
_FOOTNOTE = re.compile(r"(?<=.)\\\*$")
_LINKED = re.compile(r"\[([^\[\]|]+)\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|\[[^\[\]|]*\])")
_REFERENCE = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\])?(?!\()")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands between two pipes, or between the tags of HTML."""

    start: int
    """Offset in the text, just behind the pipe or at the line's beginning."""
    raw: str
    """All of it, with its padding."""
    is_html: bool = False
    is_shared: bool = False
    """Whether it spans several rows of HTML."""
    addresses: tuple[str, ...] = ()
    """What its links by reference lead to, [model][1] or [model]."""

    @property
    def end(self) -> int:
        """Return the offset of the pipe behind the cell, or of what follows the line's text."""
        return self.start + len(self.raw)

    @property
    def text(self) -> str:
        """Return the content without its padding."""
        return plain_text(self.raw) if self.is_html else self.raw.strip()

    @property
    def core(self) -> str:
        """Return the content without padding, a star behind it, emphasis or a link around it."""
        text = _FOOTNOTE.sub("", self.text)
        while True:
            if len(text) > 1 and text[0] == text[-1] and text[0] in EMPHASIS:
                text = text[1:-1]
            elif match := _LINKED.fullmatch(text):
                text = match[1]
            else:
                return text

    @property
    def core_start(self) -> int | None:
        """Return the offset of the core; None where HTML spells it otherwise."""
        place = (masked(self.raw) if self.is_html else self.raw).find(self.core)
        return None if place < 0 else self.start + place


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a table."""

    number: int
    """In the file, from 1."""
    cells: tuple[Cell, ...]
    closed: bool
    """Whether a pipe follows the last cell."""


@dataclass(frozen=True, kw_only=True)
class MarkdownTable:
    """A table, its cells as they stand in the text."""

    heading: str
    """The last heading above it, or the paragraph in bold right above it; empty if there is
    none."""
    header: Line
    delimiter: Line
    """Without cells in HTML."""
    lines: tuple[Line, ...]
    above: tuple[str, ...] = ()
    """The title, the headings that it stands under, and the paragraph right above it."""
    is_html: bool = False
    """Whether it is one of HTML, which is read but never written."""

    def ragged(self) -> list[Line]:
        """Return the lines that have fewer or more cells than the header."""
        return [line for line in self.lines if len(line.cells) != len(self.header.cells)]

    def whole(self) -> list[Line]:
        """Return the lines that have as many cells as the header."""
        return [line for line in self.lines if len(line.cells) == len(self.header.cells)]


@dataclass(frozen=True, kw_only=True)
class MarkdownText:
    """What this package reads of a Markdown file."""

    title: str
    """The first heading; empty if there is none."""
    tables: tuple[MarkdownTable, ...]


def split_lines(text: str) -> list[str]:
    """Return the lines with their ends, where Markdown sees lines: at LF, CRLF and CR only."""
    return _LINE.findall(text)


def read_markdown(text: str) -> MarkdownText:
    """Return the tables of a Markdown text, in their order."""
    lines = split_lines(text)
    starts = list(accumulate(map(len, lines), initial=0))
    # First line of a table -> per line, the characters before its content: marks of lists and
    # quotes, indentation.
    indents: dict[int, list[int]] = {}
    env: dict[str, Any] = {"indents": indents}
    tokens = _parser().parse(text, env)
    found = read_html(_only_html(lines, tokens))
    headings = Headings(tokens, starts, [one for one in found if isinstance(one, HtmlHeading)])
    addresses = {label: one["href"] for label, one in env.get("references", {}).items()}
    tables: list[MarkdownTable] = []
    for token in tokens:
        if token.type == "table_open" and token.map is not None:
            begin, end = token.map
            rows = list(_table_lines(lines, starts, range(begin, end), indents[begin], addresses))
            above = headings.above(starts[begin], starts[begin])
            tables.append(_table_of(rows, above))
    earlier = 0
    for one in found:
        if isinstance(one, HtmlTable):
            above = headings.above(one.start, earlier)
            tables += _html_tables(text, starts, one, above)
            earlier = one.end
    return MarkdownText(
        title=headings.title,
        tables=tuple(sorted(tables, key=lambda table: table.header.number)),
    )


@cache
def _parser() -> MarkdownIt:
    # Blocks are enough: nobody asks for the emphasis in a paragraph.
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return parser


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read a table as markdown-it does, and note where the content of its lines begins."""
    if not table(state, start, end, silent):
        return False
    if not silent:
        positions = [state.bMarks[i] + state.tShift[i] for i in range(start, state.line)]
        state.env["indents"][start] = [p - (state.src.rfind("\n", 0, p) + 1) for p in positions]
    return True


def _table_of(rows: Sequence[Line], above: Above) -> MarkdownTable:
    return MarkdownTable(
        heading=above.heading,
        header=rows[0],
        delimiter=rows[1],
        lines=tuple(rows[2:]),
        above=above.all,
    )


def _table_lines(
    lines: list[str],
    starts: list[int],
    numbers: range,
    indents: list[int],
    addresses: Mapping[str, str],
) -> Iterator[Line]:
    columns: int | None = None
    for i, indent in zip(numbers, indents, strict=True):
        rest = lines[i][indent:]
        blank = len(rest) - len(rest.lstrip())
        line = _split(rest.strip(), starts[i] + indent + blank, i + 1, columns)
        if i == numbers[0] and not line.closed:
            columns = len(line.cells)
        yield _with_addresses(line, addresses) if addresses else line


def _with_addresses(line: Line, addresses: Mapping[str, str]) -> Line:
    """Return a line whose cells know what their links by reference lead to.

    Args:
        line: one of a table.
        addresses: what labels stand for, by their normalised spelling.
    """
    cells = []
    for cell in line.cells:
        labels = (m[2] or m[1] for m in _REFERENCE.finditer(cell.raw))
        known = [addresses.get(normalizeReference(label)) for label in labels]
        cells.append(replace(cell, addresses=tuple(filter(None, known))))
    return replace(line, cells=tuple(cells))


def _split(content: str, start: int, number: int, columns: int | None) -> Line:
    """Return the cells of a line.

    Args:
        content: the line without prefix and line end.
        start: offset of the content in the text.
        number: of the line, from 1.
        columns: how many cells there should be, if the header has no pipe at its end; a line that
            ends with a pipe then has an empty last cell if it is one short otherwise.
    """
    pipes = [match.start() for match in PIPE.finditer(content)]
    leading = content.startswith("|")
    ends = [*(pipes[1:] if leading else pipes), len(content)]
    begins = [1 if leading else 0, *(end + 1 for end in ends[:-1])]
    pairs = list(zip(begins, ends, strict=True))
    closed = begins[-1] == len(content) and len(pairs) != columns
    cells = [Cell(start=start + a, raw=content[a:b]) for a, b in pairs[: -1 if closed else None]]
    return Line(number=number, cells=tuple(cells), closed=closed)


def _only_html(lines: Sequence[str], tokens: Sequence[Token]) -> str:
    """Return the text with all as spaces that Markdown does not take for HTML."""
    numbers = {n for t in tokens if t.type == "html_block" and t.map for n in range(*t.map)}
    return "".join(line if i in numbers else " " * len(line) for i, line in enumerate(lines))


def _html_tables(
    text: str, starts: Sequence[int], table: HtmlTable, above: Above
) -> Iterator[MarkdownTable]:
    """Yield a table of HTML, in as many as it has headings within."""
    header = _html_header(text, starts, table.head)
    heading, context = above.heading, above.all
    for is_title, rows in groupby(table.body, lambda row: row.is_title):
        if is_title:
            heading = plain_text(text[(*rows,)[-1].cells[0].slice])
            context = (*above.all, heading)
            continue
        yield MarkdownTable(
            heading=heading,
            header=header,
            delimiter=Line(number=header.number, cells=(), closed=True),
            lines=tuple(_html_line(text, starts, row) for row in rows),
            above=context,
            is_html=True,
        )


def _html_header(text: str, starts: Sequence[int], rows: Sequence[HtmlRow]) -> Line:
    """Return one line for all rows of a header: "Cityscapes" above "mIoU" is "Cityscapes mIoU"."""
    stacks = list(zip_longest(*(row.cells for row in rows)))
    cells = []
    for stack in stacks:
        there = [cell for cell in dict.fromkeys(stack) if cell is not None]
        title = " ".join(plain_text(text[cell.slice]) for cell in there)
        cells.append(Cell(start=there[0].start, raw=html.escape(title), is_html=True))
    number = bisect_right(starts, rows[0].start) if rows else 1
    return Line(number=number, cells=tuple(cells), closed=True)


def _html_line(text: str, starts: Sequence[int], row: HtmlRow) -> Line:
    cells = [
        Cell(start=c.start, raw=text[c.slice], is_html=True, is_shared=c.rows > 1)
        for c in row.cells
    ]
    return Line(number=bisect_right(starts, row.start), cells=tuple(cells), closed=True)
