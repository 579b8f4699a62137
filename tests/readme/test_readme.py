"""READMEs in place: nothing to change changes no byte, and one value changes one cell."""

from __future__ import annotations

import random
import re
from functools import cache

import pytest
from markdown_it import MarkdownIt
from support.readme_variants import SOURCES, VARIANTS, original
from verdicts.test_verdicts import ROW

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme.editions import WantedEdition
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.update import Update, update_readme
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Judgement, Measured, Verdict
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Manifest, Row
from hrnet_zoo.zoo.zoo import Zoo

ZOO = load_zoo()
NUM_ROWS = {"mmsegmentation": 37, "mmdetection": 30}
each_source = pytest.mark.parametrize("source", SOURCES)
each_variant = pytest.mark.parametrize("variant", VARIANTS)


def zoo_with(changed: Row) -> Zoo:
    """Return the zoo with one row replaced by another of the same name."""
    manifest = Manifest(
        schema_version=1,
        sources=ZOO.sources,
        tables=list(ZOO.tables),
        rows=[changed if row.name == changed.name else row for row in ZOO.rows],
    )
    return Zoo(manifest, ZOO.path)


def documenting(row: Row, **values: str) -> Row:
    return row.model_copy(update={"printed": row.printed | values})


def measured_everywhere(offset: float, *, every: int = 1) -> Measured:
    """Return verdicts on the documented accuracies of every n-th row, all off by as much."""
    judgements: dict[tuple[str, str], Judgement] = {}
    for row in ZOO.rows[::every]:
        for metric in (m.name for m in METRICS.values() if m.is_accuracy):
            documented = row.documented(metric)
            if documented is not None:
                judgements[row.name, metric] = Judgement(
                    row=row.name, metric=metric, documented=documented,
                    measured=float(documented) + offset, delta=offset, tolerance=None,
                    verdict=Verdict.MATCH if abs(offset) < 0.1 else Verdict.MISMATCH_WORSE,
                    reason="",
                )  # fmt: skip
    return judgements


def documented(text: str, zoo: Zoo = ZOO, edition: WantedEdition = "auto") -> Update:
    return update_readme(text, zoo, {}, "documented", edition=edition)


def as_quoted(text: str, zoo: Zoo = ZOO) -> Update:
    """Bring a text in line with the README's edition, also with its blanks."""
    return documented(text, zoo, "readme")


# Emphasis and links in cells stay as they are written, and texts that came back unchanged are not
# parsed again: parsers take longer than what is tested.
PARSER = MarkdownIt("commonmark").enable("table").disable("inline")


@cache
def cells(text: str) -> list[list[list[str]]]:
    """Return tables, lines and cells as a parser of Markdown sees them, header first."""
    tokens = PARSER.parse(text)
    tables: list[list[list[str]]] = []
    for i, token in enumerate(tokens):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("th_open", "td_open"):
            tables[-1][-1].append(tokens[i + 1].content)
    return tables


# --- what is read


@each_source
@each_variant
def test_cells_are_those_that_a_parser_sees(source: str, variant: str) -> None:
    text = VARIANTS[variant](original(source))
    tables = [
        [[cell.text.replace("\\|", "|") for cell in line.cells] for line in (t.header, *t.lines)]
        for t in read_markdown(text).tables
    ]
    assert tables == cells(text)


def test_a_table_in_code_or_a_comment_is_none() -> None:
    table = "| Backbone | mIoU |\n|--|--|\n| W18 | 1.0 |\n"
    text = f"```\n{table}```\n\n<!--\n{table}-->\n\n{re.sub('^', '    ', table, flags=re.M)}"
    assert read_markdown(text).tables == ()


@pytest.mark.parametrize(
    "line",
    [
        r"| `a\|b` | 2 |",
        r"| a\\| b | 2 |",
        "| | |",
        "|a|b",
        "a|b|",
        r"|\||x|",
        "a | b  ",
        "\u2003| a | b |\u00a0",
    ],
)
def test_awkward_lines_are_split_as_a_parser_does(line: str) -> None:
    text = f"| x | y |\n|---|---|\n{line}\n"
    [table] = read_markdown(text).tables
    ours = [cell.text.replace("\\|", "|") for cell in table.lines[0].cells]
    assert ours == cells(text)[0][1]
    for cell in table.lines[0].cells:
        assert text[cell.start : cell.end] == cell.raw


# --- documented values


@each_source
@each_variant
def test_nothing_to_change_changes_no_byte(source: str, variant: str) -> None:
    text = VARIANTS[variant](original(source))
    update = documented(text)
    assert update.new == text
    assert (update.changes, update.unknown) == ((), ())
    assert update.num_rows == NUM_ROWS[source]


@each_source
@each_variant
def test_one_value_in_the_manifest_changes_one_cell(source: str, variant: str) -> None:
    text = VARIANTS[variant](original(source))
    before = cells(text)
    rng = random.Random(f"{source} {variant}")
    rows = [row for row in ZOO.rows if row.source == source]
    for row in rng.sample(rows, 4):
        metric = rng.choice([m for m in METRICS if m in row.printed])
        value = rng.choice(["99.99", "7", "12.345678901234567"])
        update = as_quoted(text, zoo_with(documenting(row, **{metric: value})))
        after = cells(update.new)
        different = [
            (old, new)
            for table, table_after in zip(before, after, strict=True)
            for line, line_after in zip(table, table_after, strict=True)
            for old, new in zip(line, line_after, strict=True)
            if old != new
        ]
        assert len(different) == 1
        assert different[0][1].strip("*") == value
        [change] = update.changes
        assert (change.row, change.old, change.new) == (row.name, *different[0])
        assert without_cell(text, change.line) == without_cell(update.new, change.line)
        # And back again: what is put in is taken out.
        assert cells(as_quoted(update.new).new) == before


def without_cell(text: str, number: int) -> tuple[list[str], str]:
    """Return all lines but one, and of that one the prefix and line end."""
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    line = lines.pop(number - 1)
    found = re.fullmatch(r"([>\s\d.-]*\|?).*?(\|?[ \t]*[\r\n]*)", line, re.DOTALL)
    assert found is not None
    return lines, found[2]


@each_source
@each_variant
def test_one_digit_in_the_readme_is_put_right_to_the_byte(source: str, variant: str) -> None:
    text = VARIANTS[variant](original(source))
    numbers = [m.start() for m in re.finditer(r"(?<=[| \t*])\d+\.\d+(?=[*\t ]*(?:\||$))", text)]
    assert len(numbers) >= 60
    for at in random.Random(f"{source} {variant}").sample(numbers, 5):
        wrong = text[:at] + ("8" if text[at] != "8" else "3") + text[at + 1 :]
        update = as_quoted(wrong)
        assert len(update.changes) == 1
        assert update.new == text


def test_a_cell_keeps_its_width_where_the_value_fits() -> None:
    text = (
        "| Backbone | mIoU  | box AP |\n|---|------:|:----|\n| [a](x/ROW.py) | 73.86 | 1.5    |\n"
    )
    text = text.replace("ROW", ROW.name)

    def line(**values: str) -> str:
        zoo = zoo_with(
            documenting(ROW, backbone="[a](x/ROW.py)".replace("ROW", ROW.name), **values)
        )
        return as_quoted(text, zoo).new.splitlines()[2].partition(") ")[2]

    assert line(miou="7.1", box_ap="12.25") == "|   7.1 | 12.25  |"
    assert line(miou="", box_ap="-") == "|       | -      |"
    assert line(miou="123456.78", box_ap="1234567.5") == "| 123456.78 | 1234567.5 |"


def test_a_pipe_in_a_value_stays_text() -> None:
    changed = documenting(ZOO.row("faster_rcnn_hrnetv2p_w18_1x_coco"), style="a|b\nc")
    update = documented(original("mmdetection"), zoo_with(changed))
    assert "| a\\|b c  |" in update.new
    assert cells(update.new)[0][1][1] == "a|b c"


def test_remarks_behind_a_number_stay() -> None:
    text = original("mmsegmentation").replace("| 73.86 |", "| **73.85** [^1] |")
    assert "| **73.86** [^1] |" in documented(text).new


def test_a_number_goes_with_its_emphasis_and_remarks() -> None:
    text = original("mmsegmentation").replace("| 77.19 |", "| **77.19** [^1] |")
    update = as_quoted(text, zoo_with(documenting(ROW, miou="-")))
    assert [(change.old, change.new) for change in update.changes] == [("**77.19** [^1]", "-")]


# --- added columns


@each_source
@each_variant
@pytest.mark.parametrize("every", [1, 3])
def test_added_columns_come_and_go(source: str, variant: str, every: int) -> None:
    text = VARIANTS[variant](original(source))
    measured = measured_everywhere(0.04, every=every)
    both = update_readme(text, ZOO, measured, "both").new
    assert len(both) > len(text)
    assert update_readme(both, ZOO, measured, "both").new == both
    assert documented(both).new == text
    assert update_readme(both, ZOO, {}, "both").new == text


@each_source
@each_variant
def test_added_columns_stand_beside_their_own(source: str, variant: str) -> None:
    text = VARIANTS[variant](original(source))
    both = update_readme(text, ZOO, measured_everywhere(-0.2, every=2), "both").new
    num_filled = 0
    for before, after in zip(cells(text), cells(both), strict=True):
        titles = after[0]
        kept = [i for i, title in enumerate(titles) if not title.endswith(("measured)", "delta)"))]
        assert [[line[i] for i in kept] for line in after] == before
        for i in set(range(len(titles))) - set(kept):
            for line in after[1:]:
                own = next(line[k] for k in range(i, -1, -1) if k in kept).strip("*")
                if titles[i].endswith("(measured)") and line[i] != "-":
                    assert float(line[i]) == pytest.approx(float(own) - 0.2)
                    num_filled += 1
                elif line[i] != "-":
                    assert re.fullmatch(r"-0\.20? \(!\)", line[i])
    expected = [key for key in measured_everywhere(0, every=2) if ZOO.row(key[0]).source == source]
    assert num_filled == len(expected)


def test_new_measurements_replace_old_ones_and_nothing_else() -> None:
    text = original("mmsegmentation")
    both = update_readme(text, ZOO, measured_everywhere(0.04), "both").new
    tidied = both.replace("| 77.23 ", "|     77.23   ")
    update = update_readme(tidied, ZOO, measured_everywhere(-0.2), "both")
    assert {change.old for change in update.changes if change.row == ROW.name} == {
        "77.23", "+0.04", "78.96",
    }  # fmt: skip
    assert update.new.replace("|     76.99   ", "| 76.99 ") == (
        update_readme(text, ZOO, measured_everywhere(-0.2), "both").new
    )


def test_a_column_that_someone_took_out_returns_to_its_place() -> None:
    both = update_readme(original("mmdetection"), ZOO, measured_everywhere(0.04), "both").new
    for kind in ("measured", "delta"):
        lines = both.split("\n")
        begin = next(i for i, line in enumerate(lines) if f" box AP ({kind}) " in line)
        at = lines[begin].index(f" box AP ({kind}) ")
        for i in range(begin, begin + 8):
            assert lines[i][at - 1] == "|"
            lines[i] = lines[i][: at - 1] + lines[i][at + len(f" box AP ({kind}) ") :]
        without = "\n".join(lines)
        assert f" box AP ({kind}) " not in without.partition("### Mask")[0]
        assert update_readme(without, ZOO, measured_everywhere(0.04), "both").new == both


def test_measured_values_in_the_decimals_of_the_table() -> None:
    update = update_readme(original("mmsegmentation"), ZOO, measured_everywhere(0.037), "measured")
    potsdam = next(c for c in update.changes if c.old == "78.8")
    assert potsdam.new == "78.84"  # other rows of the table print two decimals
    lines = {c.line for c in update.changes}
    assert len(lines) == 37
    # The tables' memory and fps are documented, too, and verify measures neither.
    assert (update.num_documented, update.num_unmeasured) == (118, 118 - 2 * 37)


# --- what cannot be


def test_a_text_without_results() -> None:
    with pytest.raises(ReadmeError, match=r"no results table: none of its 1 tables"):
        documented("| a | b |\n|---|---|\n| 1 | 2 |\n")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("| 77.19 |         78.92 |", "| 77.19 |", "9 cells under a header of 10"),
        ("| 77.19 |         78.92 |", "| 77.19 78.92 |", "9 cells under a header of 10"),
        ("| 77.19 |", "| 77.19 | 3 |", "11 cells under a header of 10: a pipe too many"),
    ],
)
def test_missing_and_merged_cells_are_named(old: str, new: str, what: str) -> None:
    text = original("mmsegmentation").replace(old, new, 1)
    number = next(i for i, line in enumerate(text.splitlines(), 1) if new in line)
    with pytest.raises(ReadmeError, match=f"README.md:{number}: {what}"):
        update_readme(text, ZOO, {}, "documented", "README.md")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("-56651a6d.pth", "-00000000.pth", "whose faster_rcnn_hrnetv2p_w18_1x_coco links"),
        ("_20200130-56651a6d.pth", "_x.pth", "is not in the zoo"),
        ("| pytorch |   2x ", "| caffe |   2x ", 'no row of the zoo is "HRNetV2p-W18, caffe, 2x"'),
    ],
)
def test_lines_that_the_zoo_does_not_know(old: str, new: str, why: str) -> None:
    text = original("mmdetection").replace(old, new, 1)
    update = documented(text)
    assert update.new == text
    [unknown] = update.unknown
    assert why in unknown.reason
    assert new in text.splitlines()[unknown.line - 1]


def test_rows_are_known_by_their_files_on_another_host() -> None:
    text = original("mmdetection").replace(
        "https://open-mmlab.s3.ap-northeast-2.amazonaws.com", "x"
    )
    text = text.replace("### ", "### About ")
    update = documented(text)
    # Nothing in Cascade Mask R-CNN is linked, so nothing says which table that is.
    assert (update.num_rows, len(update.unknown)) == (27, 3)
    assert 'neither the heading "About Cascade Mask R-CNN" nor a link' in update.unknown[0].reason
