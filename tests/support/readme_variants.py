"""The two READMEs in other hands: the same tables, written in all the ways Markdown allows."""

from __future__ import annotations

import re
from collections.abc import Callable

from fill import DATA

SOURCES = ("mmsegmentation", "mmdetection")
Rewrite = Callable[[list[str]], list[str]]


def original(source: str) -> str:
    return (DATA / "readmes" / f"{source}.md").read_bytes().decode()


def on_tables(rewrite: Rewrite) -> Callable[[str], str]:
    """Rewrite the lines of every table; what is around them stays."""

    def rewritten(text: str) -> str:
        blocks = re.split(r"((?:^\|.*\n)+)", text, flags=re.MULTILINE)
        blocks[1::2] = ["".join(rewrite(block.splitlines(keepends=True))) for block in blocks[1::2]]
        return "".join(blocks)

    return rewritten


def on_cells(rewrite: Callable[[int, list[str]], list[str]]) -> Callable[[str], str]:
    """Rewrite the cells of every line of a table; the line's number in its table comes along."""

    def line(number: int, text: str) -> str:
        return f"|{'|'.join(rewrite(number, text.rstrip()[1:-1].split('|')))}|\n"

    return on_tables(lambda lines: [line(i, text) for i, text in enumerate(lines)])


def emphasised(number: int, cells: list[str]) -> list[str]:
    numbers = r"^( *)(\d+\.\d+)( *)$"
    return [re.sub(numbers, r"\1**\2**\3", cell) for cell in cells] if number > 1 else cells


def with_more_columns(number: int, cells: list[str]) -> list[str]:
    first = [" # ", ":-:"][number] if number < 2 else " a \\| b "
    middle = [" Device ", "---"][number] if number < 2 else " `V100` "
    last = [" Remark ", "---"][number] if number < 2 else "  "
    return [first, *cells[:3], middle, *cells[3:], last]


def opened(line: str) -> str:
    """Take the last pipe away, unless the cell before it is blank: then that would go, too."""
    rest = line.rstrip()[:-1].rstrip()
    return line if rest.endswith("|") else rest + "\n"


VARIANTS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "byte order mark": lambda text: "\ufeff" + text,
    "no final newline": lambda text: text.rstrip("\n"),
    "a table ends the file": lambda text: text[: text.rindex("|\n") + 1],
    "no leading pipes": on_tables(lambda lines: [line[1:].lstrip() for line in lines]),
    "no trailing pipes": on_tables(lambda lines: [line.rstrip()[:-1] + "\n" for line in lines]),
    "no outer pipes": on_tables(
        lambda lines: [line.rstrip()[1:-1].strip() + "\n" for line in lines]
    ),
    "no outer pipes, CRLF": on_tables(
        lambda lines: [line.rstrip()[1:-1].strip() + "\r\n" for line in lines]
    ),
    "some trailing pipes": on_tables(
        lambda lines: [line if i % 3 == 0 else opened(line) for i, line in enumerate(lines)]
    ),
    "no padding": on_cells(lambda _, cells: [cell.strip() for cell in cells]),
    "more padding": on_cells(lambda _, cells: [f"\t {cell}    " for cell in cells]),
    "more columns": on_cells(with_more_columns),
    "columns in another order": on_cells(lambda _, cells: cells[::-1]),
    "numbers in bold": on_cells(emphasised),
    "in a list": on_tables(
        lambda lines: ["- Results:\n\n", *(f"  {line}" for line in lines)],
    ),
    "a list begins with the table": on_tables(
        lambda lines: [f"{' ' if i else '-'} {line}" for i, line in enumerate(lines)]
    ),
    "in a quote": on_tables(lambda lines: [f"> {line}" for line in lines]),
    "in a list in a quote": on_tables(
        lambda lines: [f">    {line}" if i else f"> 1. {line}" for i, line in enumerate(lines)]
    ),
}
