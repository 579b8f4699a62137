"""What a table stands under: headings of Markdown and HTML, and the paragraph right above it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from markdown_it.token import Token

from hrnet_zoo.readme.html_tables import HtmlHeading

_BOLD = re.compile(r"(\*\*|__)((?:(?!\*\*|__).)+)\1[:.]?")
EMPHASIS = "*_`"
"""Characters of Markdown that stand around text, and are not of it."""


class Above(NamedTuple):
    """What stands above a place of a text."""

    heading: str
    """The last heading, or a paragraph in bold right above; empty if there is none."""
    all: tuple[str, ...]
    """The title, the headings that the place belongs to, and the paragraph right above."""


class Headings:
    """The headings of a text."""

    def __init__(
        self, tokens: Sequence[Token], starts: Sequence[int], html: Sequence[HtmlHeading]
    ) -> None:
        """Find them.

        Args:
            tokens: of the whole text, in blocks.
            starts: offsets of its lines.
            html: headings that are written in HTML.
        """
        found = [(heading.start, heading.level, heading.text) for heading in html]
        self._captions: dict[int, str] = {}
        for i, token in enumerate(tokens):
            if token.map is None:
                continue
            start = starts[token.map[0]]
            if token.type == "heading_open":
                found.append((start, int(token.tag[1]), _plain(tokens[i + 1].content)))
            elif token.type in ("table_open", "html_block"):
                self._captions[start] = _paragraph_before(tokens, i)
        self._found = sorted(found)
        self._blocks = sorted(self._captions)
        self._trails: list[tuple[str, ...]] = [()]
        """The headings that stand after each heading of them, and before the first."""
        trail = dict[int, str]()
        for _, level, text in self._found:
            trail = {k: above for k, above in trail.items() if k < level} | {level: text}
            self._trails.append(tuple(trail.values()))

    @property
    def title(self) -> str:
        """Return the first heading; empty if there is none."""
        return self._found[0][2] if self._found else ""

    def above(self, start: int, earlier: int) -> Above:
        """Return what stands above a table.

        Args:
            start: offset of the table.
            earlier: end of the table before it, or 0.
        """
        before = bisect_left(self._found, (start,))
        last = self._found[before - 1][2] if before else ""
        # A table of HTML can begin within its block, and be the second there.
        block = self._blocks[i - 1] if (i := bisect_right(self._blocks, start)) else 0
        caption = self._captions.get(block, "") if block >= earlier else ""
        bold = _BOLD.fullmatch(caption)
        context = filter(None, (self.title, *self._trails[before], caption))
        return Above(_plain(bold[2]) if bold else last, tuple(dict.fromkeys(context)))


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(f"{EMPHASIS} ")


def _paragraph_before(tokens: Sequence[Token], place: int) -> str:
    """Return the paragraph that ends right before a token, also at the end of a list."""
    while place > 0 and tokens[place - 1].nesting == -1:
        place -= 1
    if place < 2 or tokens[place - 2].type != "paragraph_open":
        return ""
    return " ".join(tokens[place - 1].content.split())
