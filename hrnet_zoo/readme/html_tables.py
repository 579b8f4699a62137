"""Where the tables and headings of HTML in a Markdown text are, as offsets into the text itself.

Rows without <tr> and cells without an end are understood as browsers do.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile

_STRUCTURE = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<raw>pre|script|style|textarea)\b.*?(?:</(?P=raw)\s*>|\Z)"
    r"|<(?P<end>/?)(?P<tag>table|thead|tbody|tfoot|tr|td|th|h[1-6])\b(?P<attributes>[^<>]*)>",
    re.DOTALL | re.IGNORECASE,
)
_TAG = re.compile(r"<!--.*?(?:-->|\Z)|<[^<>]*>", re.DOTALL)
_STRUCK_OUT = re.compile(r"</?(?:del|s|strike)\b[^<>]*>", re.IGNORECASE)
_SPAN = re.compile(r"\b(col|row)span\s*=\s*(?:[\"']\s*)?(\d{1,4})", re.IGNORECASE)
_WIDEST = 100
"""Columns of a table; no results table has as many."""


@dataclass(frozen=True, kw_only=True)
class HtmlCell:
    """What stands between <td> or <th> and the next cell, row or end."""

    start: int
    """Offset in the text, just behind the tag."""
    end: int
    is_head: bool
    columns: int
    rows: int
    """How many columns and rows it spans."""

    @property
    def slice(self) -> slice:
        """Return the part of the text that it is."""
        return slice(self.start, self.end)


@dataclass(frozen=True, kw_only=True)
class HtmlRow:
    """One row, as wide as it is shown."""

    start: int
    """Offset of <tr>, or of the first cell where there is none."""
    cells: tuple[HtmlCell, ...]
    """From left to right; one that spans several columns or rows stands in each."""

    @property
    def is_title(self) -> bool:
        """Whether one cell spans the whole row, as a heading within the table does."""
        return len(self.cells) > 1 and len(set(self.cells)) == 1

    @property
    def is_head(self) -> bool:
        """Whether it is a row of titles of columns."""
        return not self.is_title and all(cell.is_head for cell in self.cells)


@dataclass(frozen=True, kw_only=True)
class HtmlTable:
    """A table that has no other within."""

    head: tuple[HtmlRow, ...]
    body: tuple[HtmlRow, ...]

    @property
    def start(self) -> int:
        """Return the offset of its first row."""
        return min(row.start for row in (*self.head, *self.body))

    @property
    def end(self) -> int:
        """Return the offset behind its last row's last cell."""
        return max(cell.end for row in (*self.head, *self.body) for cell in row.cells)


@dataclass(frozen=True, kw_only=True)
class HtmlHeading:
    """What stands between <h2> and </h2>."""

    start: int
    level: int
    text: str


@dataclass
class _Scan:
    """The table and the heading that are open, and their parts so far."""

    text: str
    rows: list[tuple[int, list[HtmlCell]]] | None = None
    """None outside of tables."""
    in_row: bool = False
    cell: re.Match[str] | None = None
    heading: re.Match[str] | None = None
    found: list[HtmlTable | HtmlHeading] = field(default_factory=list)

    def take(self, tag: re.Match[str]) -> None:
        """Take the next tag of the text, in order."""
        name, ends = tag["tag"].lower(), bool(tag["end"])
        if name.startswith("h") and name[1].isdigit():
            self._take_heading(tag, ends=ends)
            return
        self._close_cell(tag.start())
        if name == "table":
            if ends and self.rows:
                self.found += _tables(self.rows)
            self.rows, self.in_row = (None if ends else []), False
        elif self.rows is None:
            return
        elif name in ("td", "th") and not ends:
            if not self.in_row:
                self._open_row(tag.start())
            self.cell = tag
        elif name not in ("td", "th"):
            self.in_row = False
            if name == "tr" and not ends:
                self._open_row(tag.start())

    def _open_row(self, start: int) -> None:
        assert self.rows is not None
        self.rows.append((start, []))
        self.in_row = True

    def _close_cell(self, end: int) -> None:
        tag, self.cell = self.cell, None
        if tag is None or not self.rows:
            return
        spans = {what.lower(): int(number) for what, number in _SPAN.findall(tag["attributes"])}
        cell = HtmlCell(
            start=tag.end(),
            end=end,
            is_head=tag["tag"].lower() == "th",
            columns=min(max(spans.get("col", 1), 1), _WIDEST),
            rows=max(spans.get("row", 1), 1),
        )
        self.rows[-1][1].append(cell)

    def _take_heading(self, tag: re.Match[str], *, ends: bool) -> None:
        opened, self.heading = self.heading, None if ends else tag
        if ends and opened is not None:
            text = plain_text(self.text[opened.end() : tag.start()])
            level = int(opened["tag"][1])
            self.found.append(HtmlHeading(start=opened.start(), level=level, text=text))


def read_html(text: str) -> list[HtmlTable | HtmlHeading]:
    """Return the tables and headings of a text, in the order in which they end.

    Args:
        text: HTML, or anything with HTML in it; what is no tag is passed over, and so are comments,
            preformatted text, and tables of more than 100 columns, which nobody can read.
    """
    scan = _Scan(text)
    for tag in _STRUCTURE.finditer(text):
        if tag["tag"] is not None:
            scan.take(tag)
    return scan.found


def masked(raw: str) -> str:
    """Return text with its tags as spaces, so that all else is where it was."""
    return _TAG.sub(lambda tag: " " * len(tag[0]), raw)


def plain_text(raw: str) -> str:
    """Return text as it is shown, without tags, and struck out as in Markdown."""
    return " ".join(html.unescape(masked(_STRUCK_OUT.sub("~~", raw))).split())


def _tables(rows: list[tuple[int, list[HtmlCell]]]) -> Iterator[HtmlTable]:
    """Yield a table for each header; titles above one stand in the table below it."""
    head: list[HtmlRow] = []
    body: list[HtmlRow] = []
    has_only_titles = True
    for row in _laid_out([(start, cells) for start, cells in rows if cells]):
        if row.is_head and not has_only_titles:
            yield _table(head, body)
            titles = list(takewhile(lambda other: other.is_title, reversed(body)))
            head, body, has_only_titles = [], titles[::-1], True
        (head if row.is_head else body).append(row)
        has_only_titles = has_only_titles and (row.is_head or row.is_title)
    if head or body:
        yield _table(head, body)


def _table(head: list[HtmlRow], body: list[HtmlRow]) -> HtmlTable:
    first = next((i for i, row in enumerate(body) if not row.is_title), None)
    if not head and first is not None:
        # Without <th>, the first row is the header, with those that its cells reach into.
        below = first + max(cell.rows for cell in body[first].cells)
        head, body = body[first:below], body[:first] + body[below:]
    return HtmlTable(head=tuple(head), body=tuple(body))


def _laid_out(rows: list[tuple[int, list[HtmlCell]]]) -> list[HtmlRow]:
    """Return the rows with each cell in all places that it spans; none if one is too wide."""
    laid_out = []
    reaching: dict[int, tuple[HtmlCell, int]] = {}
    for start, cells in rows:
        places = {place: cell for place, (cell, _) in reaching.items()}
        reaching = {p: (cell, left - 1) for p, (cell, left) in reaching.items() if left > 1}
        place = 0
        for cell in cells:
            while place in places:
                place += 1
            if place + cell.columns > _WIDEST:
                return []
            for taken in range(place, place + cell.columns):
                places[taken] = cell
                if cell.rows > 1:
                    reaching[taken] = (cell, cell.rows - 1)
            place += cell.columns
        laid_out.append(HtmlRow(start=start, cells=tuple(places[p] for p in sorted(places))))
    return laid_out
