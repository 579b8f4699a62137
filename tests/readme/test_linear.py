"""What takes time in proportion to a README, takes no minutes for any.

Sizes are such that what is quadratic would take a hundred times as long, so that a busy machine
decides nothing.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.html_tables import read_html
from hrnet_zoo.readme.lint.checking import check_document
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.readme.names import checkpoint_stem
from hrnet_zoo.readme.text import read_text
from hrnet_zoo.report.html.details import _SHORT_LIST
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo()
LONGEST_S = 3.0
"""Each takes a hundredth of it, or a thousandth."""
HEAD = "# HRNet\n\n|Model|mIoU|download|\n|-|-|-|\n"


@pytest.fixture(autouse=True)
def _in_time() -> object:
    began = time.process_time()
    yield
    assert time.process_time() - began < LONGEST_S


def lint(text: str) -> int:
    return len(check_document(readme_document(text, "README.md", ZOO), None))


def test_blanks_in_a_span() -> None:
    """Were they tried in all ways, 40 kB took 39 s, and this takes a quarter of an hour."""
    attributes = "colspan=" + " " * 200_000 + "x"
    assert read_html(f"<table><tr><th>a<tr><td {attributes}>b</table>")


def test_endings_of_files() -> None:
    assert checkpoint_stem("a" + ".pth" * 50_000 + "x") == "a" + ".pth" * 50_000 + "x"
    assert checkpoint_stem("a.pth.tar") == "a"


def test_blanks_in_lists_of_records() -> None:
    assert _SHORT_LIST.sub("", "[" + " " * 20_000 + "x" + " " * 20_000) != ""
    assert _SHORT_LIST.sub("", "[\n  1,\n  2\n]") == ""


PIECES = (
    "[a](b", "](", "**_", "<sup>", "<td colspan= ", "https://a", "href= ", ".pth", "x.pth ", "<!--",
    "[x][y", "-01234567.pth", "[[a](b)](c) ", "1.", "+/- 1", "w18 W18 ", "_2020", "&amp;",
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_cells_of_the_greatest_length(piece: str) -> None:
    for column in range(3):
        cells = ["hr18", "1", "x"]
        cells[column] = piece * (9_900 // len(piece))
        lint(f"{HEAD}|{'|'.join(cells)}|\n|hr18|1|x|\n")


def test_lines_that_are_short_of_a_cell() -> None:
    """Each was compared with all others."""
    assert lint(HEAD + "|a|\n" * 4000) == 4000


def test_titles_in_a_table_of_html() -> None:
    titles = "<tr><td colspan=2>a" * 2000
    heads = "<tr><th>Model<th>mIoU" * 2000
    assert read_html(f"<table>{titles}{heads}<tr><td>a<td>1</table>")


def test_cells_that_reach_over_all_that_follows() -> None:
    cells = "<td colspan=100 rowspan=9999>" * 500
    assert read_html(f"<table><tr>{cells}{'<tr><td>' * 4000}</table>") == []


def test_what_nobody_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadmeError, match=r"README.md:5: a cell has more than 10000 characters"):
        lint(HEAD + f"|{'x' * 10_001}|1|x|\n")
    with pytest.raises(ReadmeError, match="more than 100000 cells"):
        lint(HEAD + f"|{'x|' * 1000}\n" * 101)
    (tmp_path / "README.md").write_text("\n" * 40_001)
    with pytest.raises(ReadmeError, match=r"README.md has 40001 lines"):
        read_text(tmp_path / "README.md")
    (tmp_path / "README.md").write_text("x" * (2 * 1024**2 + 1))
    with pytest.raises(ReadmeError, match="more than 2097152 bytes"):
        read_text(tmp_path / "README.md")
    with pytest.raises(ReadmeError, match="not a regular file"):
        read_text(Path("/dev/zero"))
