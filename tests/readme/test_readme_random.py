"""Tables drawn at random: split as a parser of Markdown splits them, and changed as promised."""

from __future__ import annotations

import random

import pytest
from readme.test_readme import ZOO, cells, measured_everywhere
from support.readme_variants import SOURCES, original

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.markdown import MarkdownTable, read_markdown
from hrnet_zoo.readme.update import update_readme

PIECES = [
    "|", "|", "|", "-", "--", ":-:", "\\", "\\|", " ", "  ", "\t", "a", "b", "`", "*", "**", "> ",
    "- ", "1. ", "\u00a0", "\u2028", "\v", "\f", "#", "[x](y|z)",
]  # fmt: skip
DELIMITERS = ["---", ":-:", "--:", ":--"]
TABLES = [table for source in SOURCES for table in read_markdown(original(source)).tables]


def awkward_text(rng: random.Random) -> str:
    """Return what is a table more often than not, below marks of lists and quotes."""
    columns, end = rng.randint(1, 4), rng.choice(["\n", "\r\n", "\r"])
    first = "".join(rng.choices(["", "> ", "- ", "  ", "\t", "1. "], k=rng.randint(0, 3)))
    below = first if rng.random() < 0.5 else first.replace("-", " ").replace("1.", "  ")

    def line(pieces: list[str], most: int) -> str:
        filled = ["".join(rng.choices(pieces, k=rng.randint(1, most))) for _ in range(columns)]
        return rng.choice(["", "|"]) + "|".join(filled) + rng.choice(["", "|"])

    lines = [line(PIECES, 8), line(DELIMITERS, 1), *(line(PIECES, 8) for _ in range(3))]
    return first + f"{end}{below}".join(lines) + rng.choice(["", end])


def test_awkward_tables_are_split_as_a_parser_does() -> None:
    rng = random.Random(1)
    num_tables = 0
    for _ in range(1500):
        text = awkward_text(rng)
        tables = read_markdown(text).tables
        width = [len(table.header.cells) for table in tables]
        ours = [
            [
                # A parser drops cells beyond the header's and makes up those that are missing.
                ([cell.text.replace("\\|", "|") for cell in line.cells] + [""] * w)[:w]
                for line in (table.header, *table.lines)
            ]
            for table, w in zip(tables, width, strict=True)
        ]
        assert ours == cells(text), repr(text)
        num_tables += len(tables)
    assert num_tables > 200


def laid_out(table: MarkdownTable, rng: random.Random) -> str:
    """Return a results table with some of its columns, in any order and with any padding."""
    titles = [cell.text for cell in table.header.cells]
    needed = {"Backbone", "mIoU", "box AP", "download", "Download"}
    places = [i for i, title in enumerate(titles) if title in needed or rng.random() < 0.6]
    rng.shuffle(places)
    usual = [rng.random() < 0.5, rng.random() < 0.5]

    def line(texts: list[str]) -> str:
        padded = [
            rng.choice(["", " ", "   ", "\t"]) + texts[i] + rng.choice(["", " ", "   ", "\t"])
            for i in places
        ]
        leading, trailing = (want != (rng.random() < 0.1) for want in usual)
        begin = "|" if leading or not padded[0].strip() else ""
        return begin + ("|".join(padded) if begin else "|".join(padded).lstrip()) + "|" * trailing

    delimiters = [rng.choice(DELIMITERS) for _ in titles]
    lines = [[cell.text for cell in line.cells] for line in table.lines]
    first, below = rng.choice([("", ""), ("> ", "> "), ("- ", "  "), ("> 1. ", ">    ")])
    end = rng.choice(["\n", "\r\n", "\r"])
    text = f"{end}{below}".join(line(texts) for texts in (titles, delimiters, *lines))
    return f"# {table.heading}{end}{end}{first}{text}{rng.choice(['', end])}"


@pytest.mark.parametrize("seed", range(4))
def test_any_layout_is_changed_as_promised(seed: int) -> None:
    rng = random.Random(seed)
    some, others = measured_everywhere(0.04, every=2), measured_everywhere(-0.2, every=3)
    num_whole = 0
    for _ in range(25):
        text = laid_out(rng.choice(TABLES), rng)
        try:
            unchanged = update_readme(text, ZOO, {}, "documented")
        except ReadmeError:
            continue  # a blank last cell without a pipe behind it is none
        num_whole += 1
        assert unchanged.new == text
        both = update_readme(text, ZOO, some, "both").new
        assert update_readme(both, ZOO, some, "both").new == both
        assert update_readme(both, ZOO, {}, "documented").new == text
        again = update_readme(both, ZOO, others, "both").new
        assert update_readme(again, ZOO, others, "both").new == again
        measured = update_readme(again, ZOO, others, "measured").new
        assert cells(update_readme(measured, ZOO, {}, "documented").new) == cells(text)
    assert num_whole > 15
