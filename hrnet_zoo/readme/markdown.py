"""Where the tables of a Markdown text are: lines and cells as offsets into the text itself.

A Markdown parser says what is a table, also inside lists and quotes; the cells are then found in
the original lines, because the parser does not keep their padding, line ends and prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+\Z")
# Pipes in code spans split cells, too, unless they are escaped: so do GitHub and the parser.
PIPE = re.compile(r"(?<!\\)\|")
_EMPHASIS = "*_~`"
_FOOTNOTE = re.compile(r"(?<=.)\\\*$")
_LINKED = re.compile(r"\[([^\[\]|]+)\]\([^()\s]*\)")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What stands between two pipes."""

    start: int
    """Offset in the text, just behind the pipe or at the line's beginning."""
    raw: str
    """All of it, with its padding."""

    @property
    def end(self) -> int:
        """Return the offset of the pipe behind the cell, or of what follows the line's text."""
        return self.start + len(self.raw)

    @property
    def text(self) -> str:
        """Return the content without its padding."""
        return self.raw.strip()

    @property
    def core(self) -> str:
        """Return the content without padding, a star behind it, emphasis or a link around it."""
        text = _FOOTNOTE.sub("", self.text)
        while True:
            if len(text) > 1 and text[0] == text[-1] and text[0] in _EMPHASIS:
                text = text[1:-1]
            elif match := _LINKED.fullmatch(text):
                text = match[1]
            else:
                return text


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
    """The last heading above it; empty if there is none."""
    header: Line
    delimiter: Line
    lines: tuple[Line, ...]

    def ragged(self) -> list[Line]:
        """Return the lines that have fewer or more cells than the header."""
        return [line for line in self.lines if len(line.cells) != len(self.header.cells)]


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
    tokens = _parser().parse(text, {"indents": indents})
    tables = []
    title = heading = ""
    for i, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = " ".join(tokens[i + 1].content.split()).strip(_EMPHASIS + " ")
            title = title or heading
        elif token.type == "table_open" and token.map is not None:
            begin, end = token.map
            rows = list(_table_lines(lines, starts, range(begin, end), indents[begin]))
            tables.append(
                MarkdownTable(
                    heading=heading, header=rows[0], delimiter=rows[1], lines=tuple(rows[2:])
                )
            )
    return MarkdownText(title=title, tables=tuple(tables))


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


def _table_lines(
    lines: list[str], starts: list[int], numbers: range, indents: list[int]
) -> Iterator[Line]:
    columns: int | None = None
    for i, indent in zip(numbers, indents, strict=True):
        rest = lines[i][indent:]
        blank = len(rest) - len(rest.lstrip())
        line = _split(rest.strip(), starts[i] + indent + blank, i + 1, columns)
        if i == numbers[0] and not line.closed:
            columns = len(line.cells)
        yield line


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
