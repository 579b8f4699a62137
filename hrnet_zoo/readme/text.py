"""A text file as it is: read with its line ends, edited in places, and replaced in one step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hrnet_zoo.errors import ReadmeError, explain_os_error
from hrnet_zoo.readme.markdown import PIPE, Cell, Line
from hrnet_zoo.system.opening import read_regular
from hrnet_zoo.system.whole_file import write_whole

LARGEST_BYTES = 2 * 1024**2
"""Of a README or metafile; those of whole zoos have a tenth."""
_MOST_LINES = 40_000


def read_text(path: Path) -> str:
    """Return a file's text, with its line ends as they are.

    Raises:
        ReadmeError: the file cannot be read, is not UTF-8, or has more than a README can have.
    """
    try:
        text = read_regular(path, LARGEST_BYTES).decode("utf-8")
    except OSError as error:
        raise ReadmeError(explain_os_error(error)) from None
    except UnicodeDecodeError as error:
        msg = f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8 and try again."
        raise ReadmeError(msg) from None
    if (lines := text.count("\n") + text.count("\r")) > _MOST_LINES:
        msg = f"{path} has {lines} lines, and no README has more than {_MOST_LINES}."
        raise ReadmeError(msg)
    return text


def write_text(path: Path, text: str) -> None:
    """Write a file, or replace one, in one step, so that no half-written file is ever there.

    Permissions of a file that was there stay, and so does a link that leads to it.

    Raises:
        ReadmeError: the folder cannot be written to.
    """
    try:
        write_whole(path.resolve(), text)
    except OSError as error:
        raise ReadmeError(explain_os_error(error)) from None


class Edit(NamedTuple):
    """A piece of the text, from and to an offset, and what takes its place."""

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
    for edit in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return "".join([*parts, text[position:]])


def replace_text(line: Line, place: int, old: Cell, new: str, *, right: bool) -> Edit:
    """Return the edit that writes something else into a cell.

    The cell keeps its width if the new text fits: the padding gives what the text needs, and takes
    what it leaves. At least one space stays where there was one.

    Args:
        line: the cell's line.
        place: of the cell, from 0.
        old: the cell, or the part of it that is replaced.
        new: what takes its place.
        right: whether the column is aligned to the right, so that padding belongs before the text.
    """
    cell = line.cells[place]
    start, end = old.start - cell.start, old.end - cell.start
    new = PIPE.sub(r"\\|", " ".join(new.split()))
    text = (cell.raw[:start] + new + cell.raw[end:]).strip()
    if cell.text:
        before = cell.raw[: len(cell.raw) - len(cell.raw.lstrip())]
        behind = cell.raw[len(cell.raw.rstrip()) :]
    else:
        before, behind = (cell.raw[1:], cell.raw[:1]) if right else (cell.raw[:1], cell.raw[1:])
    surplus = len(before + text + behind) - len(cell.raw)
    if surplus > 0:
        # Spaces go from where most belong, then from the other side.
        most, other = (before, behind) if right else (behind, before)
        taken = min(surplus, max(len(most) - 1, 0))
        most, other = most[taken:], other[min(surplus - taken, max(len(other) - 1, 0)) :]
        before, behind = (most, other) if right else (other, most)
    elif right:
        before = " " * -surplus + before
    elif line.closed or place < len(line.cells) - 1:
        behind += " " * -surplus
    return Edit(cell.start, cell.end, before + text + behind)


def add_cell(line: Line, place: int, text: str) -> Edit:
    """Return the edit that puts a cell behind another one; its text does not end with a space."""
    end = line.cells[place].end
    followed = line.closed or place < len(line.cells) - 1
    return Edit(end, end, f"| {text} " if followed else f" | {text}")


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
    return Edit(start, end, "")
