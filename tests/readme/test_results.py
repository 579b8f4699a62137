"""Which links and numbers of a line are its own."""

from __future__ import annotations

import pytest

from hrnet_zoo.readme.lint.checking import check_document, fix
from hrnet_zoo.readme.lint.sources import readme_document
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.results import ResultsTable, match_lines, results_tables, titles_of
from hrnet_zoo.readme.update import update_readme
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ZOO = load_zoo()
ROW = ZOO.row("fcn_hr18_512x1024_40k_cityscapes")


def only(text: str) -> ResultsTable:
    [table] = results_tables(read_markdown(text), titles_of([]), "README.md")
    return table


def checkpoints(table: ResultsTable) -> list[str | None]:
    return [table.links(line).checkpoint for line in table.markdown.lines]


def test_weights_that_training_began_with_are_not_the_row_s() -> None:
    table = only(
        "| Method | Pre-train | mIoU | Download |\n|---|---|---|---|\n"
        "| A | [B](https://h/b.pth) | 50.0 | [model](https://h/a.pth.tar) |\n"
        "| A | [B](https://h/b.pth) | 51.0 | - |\n"
    )
    assert checkpoints(table) == ["https://h/a.pth.tar", None]


def test_several_files_in_several_columns_are_nobody_s() -> None:
    table = only(
        "| Model | top1 | 22K model | 1K model | ema |\n|---|---|---|---|---|\n"
        "| A | 80.0 | [x](https://h/22k.pth) | [x](https://h/1k.pth)/[y](https://i/1k.pth) | |\n"
        "| A | 80.0 | - | [x](https://h/1k.pth) | [x](https://h/ema.pth) |\n"
    )
    assert checkpoints(table) == ["https://h/1k.pth", None]


@pytest.mark.parametrize("title", ["Pretrained model", "Pre-trained weights", "Backbone weights"])
def test_what_training_began_with_has_many_titles(title: str) -> None:
    table = only(
        f"| Method | mIoU | weights | {title} |\n|---|---|---|---|\n"
        "| A | 50.0 | [drive](https://d/1) | [B](https://h/b.pth) |\n"
        "| A | 51.0 | [drive](https://h/a.pth) | [B](https://h/b.pth) |\n"
    )
    assert checkpoints(table) == [None, "https://h/a.pth"]


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("[model](https://h/a.pth) [ema](https://h/b.pth)", None),
        ("[model][1] [ema](https://h/b.pth)", None),
        ("[model](https://h/a.pth) [mirror](https://i/a.pth)", "https://h/a.pth"),
        ("[a.pth](https://h/a.pth)", "https://h/a.pth"),
        ("[best.pth](https://h/a.pth)", "https://h/a.pth"),
        ("[best.pth][1]", "https://h/a.pth"),
    ],
)
def test_a_cell_has_just_one_file(cell: str, address: str | None) -> None:
    table = f"| Model | mIoU | ckpt |\n|---|---|---|\n| A | 50.0 | {cell} |\n"
    assert checkpoints(only(f"{table}\n[1]: https://h/a.pth\n")) == [address]


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("[model][1]", "https://h/a.pth"),
        ("[model][A b]", "https://h/a.pth"),
        ("[1][]", "https://h/a.pth"),
        ("[1]", "https://h/a.pth"),
        ("[model][2]", None),
        ("[model][3]", None),
    ],
)
@pytest.mark.parametrize("where", ["before", "behind"])
def test_links_by_reference(cell: str, address: str | None, where: str) -> None:
    table = f"| Model | mIoU | Link |\n|---|---|---|\n| A | 50.0 | {cell} |\n"
    defined = '[1]: https://h/a.pth "weights"\n[a  B]: <https://h/a.pth>\n[2]: https://h/paper\n'
    text = f"{defined}\n{table}" if where == "before" else f"{table}\n{defined}"
    assert checkpoints(only(text)) == [address]
    [row] = readme_document(text, "README.md", ZOO).rows
    assert (row.checkpoint and row.checkpoint.text) == address
    if row.checkpoint is not None and row.checkpoint.start is not None:
        start = row.checkpoint.start
        assert text[start : start + len(row.checkpoint.text)] == address


def test_lines_say_how_they_were_tested() -> None:
    table = only(
        "| Model | Multi-scale | Flip | mIoU |\n|---|---|---|---|\n"
        "| A | No | No | 50.0 |\n| A | Yes | Yes | 51.0 |\n| A | No | Yes | 50.5 |\n"
    )
    assert [
        {column: cell.core for column, cell in table.cells(line).items()}
        for line in table.markdown.lines
    ] == [{"model": "A", "miou": "50.0"}, {"model": "A", "miou_ms_flip": "51.0"}, {"model": "A"}]


@pytest.mark.parametrize(
    ("tta", "is_single"),
    [("yes", False), ("ms+flip", False), ("\u2713", False), ("no", True), ("-", True), ("", True)],
)
def test_a_line_with_augmentation_states_no_single_pass(tta: str, is_single: bool) -> None:
    table = only(f"| Model | TTA | mIoU |\n|---|---|---|\n| A | {tta} | 51.0 |\n")
    assert list(table.cells(table.markdown.lines[0])) == ["model", *["miou"] * is_single]


def test_no_number_is_a_dash() -> None:
    table = only("| Model | mIoU |\n|---|---|\n| A | --- |\n| B | n/a |\n| C | \u2014 |\n| D | |\n")
    cells = [table.cell(line, "miou").core for line in table.markdown.lines]
    assert cells == ["-", "-", "-", ""]


def matches(text: str) -> list[str]:
    """Return the names of the rows that lines are, or why they are none."""
    found = [found for _, found in match_lines(ZOO, only(text))]
    return [one.name if isinstance(one, Row) else one for one in found]


MASK = "mask_rcnn_hrnetv2p_w32_2x_coco"
TWICE = """\
# Mask R-CNN

| Backbone | Conv | Lr schd | box AP |
|---|---|---|---|
| HRNetV2p-W32 | DCNv2 | 2x | 43.0 |
| HRNetV2p-W18 | - | 2x | 39.2 |
| HRNetV2p-W32 | - | 2x | 42.5 |
"""


def test_of_two_lines_that_can_be_one_row_neither_is() -> None:
    first, other, last = matches(TWICE)
    assert other == "mask_rcnn_hrnetv2p_w18_2x_coco"
    assert (first, last) == (
        f"no link to a file, and line 7 can be {MASK} as well",
        f"no link to a file, and line 5 can be {MASK} as well",
    )
    assert matches(TWICE.replace("| HRNetV2p-W32 | DCNv2 | 2x | 43.0 |\n", "")) == [other, MASK]


def test_one_line_that_can_be_several_rows_is_none() -> None:
    [why] = matches("# Mask R-CNN\n\n| Backbone | box AP |\n|---|---|\n| HRNetV2p-W18 | 39.2 |\n")
    assert "several rows of the zoo print the same (mask_rcnn_hrnetv2p_w18_1x_coco, " in why


@pytest.mark.parametrize(
    ("heading", "said"), [("## Mapillary Vistas\n\n", '"Mapillary Vistas"'), ("", "a heading")]
)
def test_a_table_that_the_zoo_does_not_have_is_none_of_it(heading: str, said: str) -> None:
    # The zoo has one row of this crop: of iSAID.
    lines = (
        "| Method | Backbone | Crop Size | Lr schd | mIoU |\n|---|---|---|---|---|\n"
        "| FCN | HRNetV2p-W18 | 896x896 | 80000 | 41.1 |\n"
    )
    [why] = matches(heading + lines)
    assert said in why
    assert matches(f"## iSAID\n\n{lines}") == ["fcn_hr18_4x4_896x896_80k_isaid"]


HTML = f"""\
# HRNet

## Cityscapes

<table><tr><th>Method</th><th>Backbone</th><th>mIoU</th><th>download</th></tr>
<tr><td>FCN</td><td>HRNetV2p-W18</td><td>1.00</td>
<td><a href="{ROW.checkpoint_url}">model</a></td></tr>
</table>
"""


def test_html_is_read_and_left_as_it_is() -> None:
    update = update_readme(HTML, ZOO, {}, "documented")
    assert (update.new, update.changes) == (HTML, ())
    [unknown] = update.unknown
    assert unknown.line == 6
    assert ROW.name in unknown.reason
    [row] = readme_document(HTML, "README.md", ZOO).rows
    assert row.row is ROW
    assert row.place.line == 6


def test_lint_mends_html_where_it_stands() -> None:
    assert ROW.checkpoint_url is not None
    retired = HTML.replace(
        "https://download.openmmlab.com", "https://open-mmlab.s3.ap-northeast-2.amazonaws.com"
    )
    wrong = retired.replace("W18", "W48")
    fixed, settled = fix(wrong, check_document(readme_document(wrong, "README.md", ZOO)))
    assert {finding.code for finding in settled} == {"HZ201", "HZ301"}
    assert fixed.replace("https://download.openmmlab.com", "x") == HTML.replace(
        "https://download.openmmlab.com", "x"
    )


def test_a_table_without_labels_of_the_zoo_s_is_none_of_it() -> None:
    text = "## HTC\n\n| Name | box AP |\n|---|---|\n| other | 1.0 |\n"
    assert update_readme(text, ZOO, {}, "documented").new == text
