"""Tables of HTML in Markdown, as browsers show them."""

from __future__ import annotations

import pytest

from hrnet_zoo.readme.markdown import MarkdownTable, read_markdown


def tables(text: str) -> list[MarkdownTable]:
    return list(read_markdown(text).tables)


def texts(table: MarkdownTable) -> list[list[str]]:
    return [[cell.text for cell in line.cells] for line in (table.header, *table.lines)]


WAYS = {
    "one line": "<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>",
    "sections": """\
<table>
  <thead>
    <tr>
      <th>A</th>
      <th>B</th>
    </tr>
  </thead>
  <tbody>
    <tr>
      <td>1</td>
      <td>2</td>
    </tr>
  </tbody>
</table>
""",
    "no row": """\
<table><tbody>
<th>A</th>
<th>B</th>
 <tr><td>1</td>
<td>2</td>
</tr>
</tbody></table>
""",
    "no ends": "<table><tr><td>A<td>B<tr><td>1<td>2</table>",
    "capitals": """\
<TABLE border=1><TR><TH align="left">A</TH><TH>B</TH></TR>
<TR><!-- first --><TD><b>1</b></TD><TD><a href='x'>2</a>&nbsp;</TD></TR></TABLE>
""",
    "nested": "<table><tr><td><table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr>"
    "</table></td></tr></table>",
    "quote": "> <table><tr><td>A<td>B</tr>\r\n> <tr><td>1</td><td>2</td></tr></table>\r\n",
}


@pytest.mark.parametrize("text", WAYS.values(), ids=WAYS)
def test_ways_to_write_the_same(text: str) -> None:
    assert [texts(table) for table in tables(text)] == [[["A", "B"], ["1", "2"]]]


@pytest.mark.parametrize(
    "text",
    [
        "<!--\n<table><tr><th>A</th></tr><tr><td>1</td></tr></table>\n-->",
        "```html\n<table><tr><th>A</th></tr><tr><td>1</td></tr></table>\n```",
        "    <table><tr><th>A</th></tr><tr><td>1</td></tr></table>",
        "<pre>\n<table><tr><th>A</th></tr><tr><td>1</td></tr></table>\n</pre>",
        "`<table><tr><th>A</th></tr><tr><td>1</td></tr></table>`",
        "<table><tr><th>A</th></tr></table>",
        "<table></table>",
        "<table><tr><th>A</th></tr><tr><td>1</td></tr>",
    ],
    ids=["comment", "fence", "indented", "pre", "span", "no rows", "empty", "cut"],
)
def test_what_is_no_table(text: str) -> None:
    assert tables(text) == []


def test_cells_stand_in_all_places_that_they_span() -> None:
    text = (
        '<table><tr><th rowspan="2">Model</th><th colspan=2>COCO</th></tr>'
        "<tr><th>box AP</th><th>mask AP</th></tr>"
        "<tr><td rowspan='2'>A</td><td>1</td><td>2</td></tr>"
        "<tr><td colspan=2>3</td></tr></table>"
    )
    assert [texts(table) for table in tables(text)] == [
        [["Model", "COCO box AP", "COCO mask AP"], ["A", "1", "2"], ["A", "3", "3"]]
    ]


def test_titles_and_headers_within_a_table_begin_another() -> None:
    text = (
        "## Zoo\n\n<table><tr><th colspan=2>COCO</th></tr><tr><th>Model</th><th>box AP</th></tr>"
        "<tr><td>A</td><td>1</td></tr><tr><td colspan=2>LVIS</td></tr><tr><td>A</td><td>2</td></tr>"
        "<tr><th>Model</th><th>mIoU</th></tr><tr><td>B</td><td>3</td></tr></table>"
    )
    assert [(table.heading, texts(table)) for table in tables(text)] == [
        ("COCO", [["Model", "box AP"], ["A", "1"]]),
        ("LVIS", [["Model", "box AP"], ["A", "2"]]),
        ("Zoo", [["Model", "mIoU"], ["B", "3"]]),
    ]


def test_rows_tell_their_lines_and_cells_their_places() -> None:
    text = "x\n\n<table>\n<tr><td>A</td></tr>\n\n<tr>\n<td> <i>a</i>&amp;b </td>\n</tr>\n</table>\n"
    [table] = tables(text)
    assert (table.header.number, [line.number for line in table.lines]) == (4, [6])
    [cell] = table.lines[0].cells
    assert text[cell.start : cell.end] == cell.raw == " <i>a</i>&amp;b "
    assert (cell.core, cell.core_start) == ("a &b", None)
    [title] = table.header.cells
    assert title.core_start == text.index("A")
