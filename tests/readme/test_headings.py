"""What a table stands under."""

from __future__ import annotations

import pytest

from hrnet_zoo.readme.markdown import read_markdown

PIPES = "| a |\n|---|\n| 1 |\n"
HTML = "<table><tr><th>a</th></tr><tr><td>1</td></tr></table>\n"


@pytest.mark.parametrize("table", [PIPES, HTML], ids=["pipes", "html"])
@pytest.mark.parametrize(
    ("above", "heading", "everything"),
    [
        ("", "", ()),
        ("# Zoo\n\n## COCO\n\n", "COCO", ("Zoo", "COCO")),
        ("# Zoo\n\n## COCO\n\n### x\n\n## ADE20K\n\n", "ADE20K", ("Zoo", "ADE20K")),
        ("# Zoo\n\n**COCO val**\n\n", "COCO val", ("Zoo", "**COCO val**")),
        ("# Zoo\n\n**COCO:**\n\n", "COCO:", ("Zoo", "**COCO:**")),
        ("# Zoo\n\n**Note** that\n\n", "Zoo", ("Zoo", "**Note** that")),
        ("# Zoo\n\n**COCO**\n\nas of today\n\n", "Zoo", ("Zoo", "as of today")),
        ("# Zoo\n\n1. On COCO:\n2. On LIP:\n\n", "Zoo", ("Zoo", "On LIP:")),
        ('<h1 align="center">A <i>zoo</i></h1>\n\n', "A zoo", ("A zoo",)),
        ("# Zoo\n\n<!-- <h2>COCO</h2> -->\n\n", "Zoo", ("Zoo",)),
        ("Zoo\n===\n\nCOCO\n----\n\n", "COCO", ("Zoo", "COCO")),
    ],
)
def test_what_is_above(table: str, above: str, heading: str, everything: tuple[str, ...]) -> None:
    [found] = read_markdown(above + table).tables
    assert (found.heading, found.above) == (heading, everything)


def test_a_paragraph_is_above_one_table_only() -> None:
    first, second = read_markdown(f"**COCO**\n\n{HTML}{HTML}").tables
    assert (first.heading, second.heading) == ("COCO", "")
    first, second = read_markdown(f"**COCO**\n\n{PIPES}\n{PIPES}").tables
    assert (first.heading, second.heading) == ("COCO", "")
