"""Small edits of a text: a cell's content, a cell more, a cell less; all else stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hrnet_zoo.readme.markdown import Cell, Line

_PIPE = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A piece of the text and what takes its place."""

    start: int
    end: int
    text: str


def spliced(text: str, edits: Iterable[Edit]) -> str:
    """Return the text with all edits made; several at one place follow each other.

    Args:
        text: the whole text.
        edits: pieces that do not overlap.
    """
    parts, position = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def replace_text(line: Line, place: int, old: str, new: str, *, right: bool) -> Edit:
    """Return the edit that writes something else into a cell.

    The cell keeps its width if the new text fits: the padding gives what the text needs, and takes
    what it leaves. At least one space stays where there was one.

    Args:
        line: the cell's line.
        place: of the cell, from 0.
        old: a part of the cell's text, which is replaced; may be empty in a blank cell.
        new: what takes its place.
        right: whether the column is aligned to the right, so that padding belongs before the text.
    """
    cell = line.cells[place]
    new = _PIPE.sub(r"\\|", " ".join(new.split()))
    before, text, behind = _padding(cell, right=right)
    at = text.index(old)
    text = text[:at] + new + text[at + len(old) :]
    surplus = len(before + text + behind) - len(cell.raw)
    if surplus > 0:
        before, behind = _narrowed(before, behind, surplus, right=right)
    elif right:
        before = " " * -surplus + before
    elif line.closed or place < len(line.cells) - 1:
        behind += " " * -surplus
    return Edit(start=cell.start, end=cell.end, text=before + text + behind)


def add_cell(line: Line, place: int, text: str) -> Edit:
    """Return the edit that puts a cell behind another one; its text does not end with a space."""
    cell = line.cells[place]
    followed = line.closed or place < len(line.cells) - 1
    added = f"| {text} " if followed else f" | {text}"
    return Edit(start=cell.end, end=cell.end, text=added)


def remove_cells(line: Line, places: Sequence[int]) -> Edit:
    """Return the edit that takes out neighbouring cells, with the pipes before them.

    Args:
        line: the cells' line.
        places: from 1; the first cell of a line always stays.
    """
    start, end = line.cells[places[0]].start - 1, line.cells[places[-1]].end
    last_before = line.cells[places[0] - 1]
    if not line.closed and places[-1] == len(line.cells) - 1 and last_before.raw.endswith(" "):
        start -= 1
    return Edit(start=start, end=end, text="")


def _padding(cell: Cell, *, right: bool) -> tuple[str, str, str]:
    """Return what is before a cell's text, the text, and what is behind it."""
    if not cell.text:
        room = len(cell.raw)
        one = min(room, 1)
        spaces = (room - one, one) if right else (one, room - one)
        return " " * spaces[0], "", " " * spaces[1]
    before = cell.raw[: len(cell.raw) - len(cell.raw.lstrip())]
    behind = cell.raw[len(cell.raw.rstrip()) :]
    return before, cell.text, behind


def _narrowed(before: str, behind: str, surplus: int, *, right: bool) -> tuple[str, str]:
    """Return both paddings with up to ``surplus`` spaces fewer, first from where most belong."""
    sides = [before, behind] if right else [behind, before]
    for i, side in enumerate(sides):
        taken = min(surplus, max(len(side) - 1, 0))
        sides[i] = side[taken:]
        surplus -= taken
    return (sides[0], sides[1]) if right else (sides[1], sides[0])
