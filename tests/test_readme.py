"""READMEs in place: nothing to change changes no byte, and one value changes one cell."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from readme_variants import SOURCES, VARIANTS, original
from test_verdicts import ROW, measurement, record
from trees import RunCli

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.manifest import load_zoo
from hrnet_zoo.readme.markdown import read_markdown
from hrnet_zoo.readme.update import Update, update_readme
from hrnet_zoo.records import write_record
from hrnet_zoo.report.tables import Measured
from hrnet_zoo.row import METRICS, Manifest, Metric, Row
from hrnet_zoo.verdicts import Judgement, Verdict
from hrnet_zoo.zoo import Zoo

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
    return row.model_copy(update={"printed": row.printed.model_copy(update=values)})


def measured_everywhere(offset: float, *, every: int = 1) -> Measured:
    """Return verdicts on the documented accuracies of every n-th row, all off by as much."""
    judgements: dict[tuple[str, Metric], Judgement] = {}
    for row in ZOO.rows[::every]:
        for metric in METRICS[2:]:
            documented = row.documented(metric)
            if documented is not None:
                judgements[row.name, metric] = Judgement(
                    row=row.name, metric=metric, documented=documented,
                    measured=float(documented) + offset, delta=offset, tolerance=None,
                    verdict=Verdict.MATCH if abs(offset) < 0.1 else Verdict.MISMATCH_WORSE,
                    reason="",
                )  # fmt: skip
    return judgements


def documented(text: str, zoo: Zoo = ZOO) -> Update:
    return update_readme(text, zoo, {}, "documented")


def cells(text: str) -> list[list[list[str]]]:
    """Return tables, lines and cells as a parser of Markdown sees them, header first."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
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
        metric = rng.choice([m for m in METRICS if getattr(row.printed, m) is not None])
        value = rng.choice(["99.99", "7", "12.345678901234567"])
        update = documented(text, zoo_with(documenting(row, **{metric: value})))
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
        assert cells(documented(update.new).new) == before


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
        update = documented(wrong)
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
        return documented(text, zoo).new.splitlines()[2].partition(") ")[2]

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
    update = documented(text, zoo_with(documenting(ROW, miou="-")))
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
    assert new in text.splitlines()[unknown.line.number - 1]


def test_a_file_of_the_later_edition_is_no_row_of_the_readme() -> None:
    fcos = ZOO.row("fcos_hrnetv2p_w18_gn-head_4x4_1x_coco")
    assert fcos.later is not None
    assert fcos.checkpoint_url is not None
    text = original("mmdetection").replace(fcos.checkpoint_url, fcos.later.checkpoint_url)
    [unknown] = documented(text).unknown
    assert "the file of the later edition of fcos" in unknown.reason


def test_rows_are_known_by_their_files_on_another_host() -> None:
    text = original("mmdetection").replace(
        "https://open-mmlab.s3.ap-northeast-2.amazonaws.com", "x"
    )
    text = text.replace("### ", "### About ")
    update = documented(text)
    # Nothing in Cascade Mask R-CNN is linked, so nothing says which table that is.
    assert (update.num_rows, len(update.unknown)) == (27, 3)
    assert "several rows of the zoo print the same (" in update.unknown[0].reason


# --- the command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_bytes(original("mmsegmentation").encode())
    return path


@pytest.fixture
def wrong(file: Path) -> Path:
    file.write_bytes(file.read_bytes().replace(b" 77.19 ", b" 77.91 ").replace(b"\n", b"\r\n"))
    return file


def test_check_of_a_current_readme(file: Path, run_cli: RunCli) -> None:
    finished = run_cli("readme", file, "--check")
    assert (finished.code, finished.out) == (0, "")
    assert "37 rows in 9 tables; nothing to change" in finished.err


def test_check_names_what_is_off(wrong: Path, run_cli: RunCli) -> None:
    before = wrong.read_bytes()
    finished = run_cli("readme", wrong, "--check")
    assert finished.code == 1
    assert finished.out == f'{wrong}:42: mIoU of {ROW.name}: "77.91" becomes "77.19"\n'
    assert wrong.read_bytes() == before


@pytest.mark.parametrize("flags", [[], ["--diff"]])
@pytest.mark.parametrize("ends_in", ["a line end", "the changed line"])
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to apply the patch")
def test_the_printed_patch_applies(
    wrong: Path, run_cli: RunCli, flags: list[str], ends_in: str
) -> None:
    if ends_in == "the changed line":
        before, changed, after = wrong.read_bytes().partition(b" 77.91 ")
        wrong.write_bytes(before + changed + after.partition(b"\r\n")[0])
    before = wrong.read_bytes()
    finished = run_cli("readme", wrong, *flags)
    assert finished.code == 0
    assert wrong.read_bytes() == before
    patch = finished.out.encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=wrong.parent, check=True)
    assert wrong.read_bytes() == before.replace(b" 77.91 ", b" 77.19 ")


def test_write_changes_the_digits_only(wrong: Path, run_cli: RunCli) -> None:
    wrong.chmod(0o640)
    link = wrong.with_name("link.md")
    link.symlink_to(wrong)
    assert run_cli("readme", link, "--write").code == 0
    assert wrong.read_bytes() == original("mmsegmentation").replace("\n", "\r\n").encode()
    assert stat.S_IMODE(wrong.stat().st_mode) == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in wrong.parent.glob("*.md*")) == ["README.md", "link.md"]


def test_nothing_to_change_leaves_the_file_alone(file: Path, run_cli: RunCli) -> None:
    before = file.stat()
    assert run_cli("readme", file, "--write").code == 0
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


def test_both_from_records(tmp_path: Path, file: Path, run_cli: RunCli) -> None:
    records = tmp_path / "records"
    write_record(record(measurement(77.2049)), records / ROW.name / "1.json")
    finished = run_cli("readme", file, "--columns", "both", "--records", records, "--write")
    assert finished.code == 0
    assert 'column "mIoU (measured)" is added, 1 of 9 cells filled' in finished.out
    assert "117 of 118 documented values have no full, comparable measurement" in finished.err
    line = cells(file.read_text())[0][2]
    assert line[6:9] == ["77.19", "77.20", "+0.01"]
    assert run_cli("readme", file, "--columns", "both", "--records", records, "--check").code == 0
    assert run_cli("readme", file, "--write").code == 0
    assert file.read_bytes() == original("mmsegmentation").encode()


def test_json_for_programs(wrong: Path, run_cli: RunCli) -> None:
    finished = run_cli("readme", wrong, "--check", "--format", "json")
    content = json.loads(finished.out)
    assert finished.code == 1
    assert content["rows"] == 37
    assert content["changes"] == [
        {"line": 42, "column": "mIoU", "row": ROW.name, "old": "77.91", "new": "77.19"}
    ]


def test_known_lines_are_updated_beside_unknown_ones(wrong: Path, run_cli: RunCli) -> None:
    wrong.write_bytes(wrong.read_bytes().replace(b"-93db27d0.pth", b"-00000000.pth"))
    finished = run_cli("readme", wrong, "--write")
    assert finished.code == 3
    assert f"{wrong}:41: left as it is: " in finished.err
    assert b" 77.19 " in wrong.read_bytes()


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (None, 3, "No such file"),
        (b"\xff\xfe", 3, "is not UTF-8"),
        (b"", 3, "no results table"),
        (b"# Title\n", 3, "Pass the README"),
    ],
)
def test_files_that_are_no_readme(
    tmp_path: Path, run_cli: RunCli, content: bytes | None, code: int, what: str
) -> None:
    path = tmp_path / "x.md"
    if content is not None:
        path.write_bytes(content)
    finished = run_cli("readme", path)
    assert finished.code == code
    assert what in finished.err
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    "options", [["--write", "--check"], ["--columns", "none"], ["--records", "mistyped"]]
)
def test_wrong_options(file: Path, run_cli: RunCli, options: list[str]) -> None:
    more = ["--columns", "both"] if "--records" in options else []
    assert run_cli("readme", file, *options, *more).code == 2


def test_both_readmes_are_checked_within_a_second_each(file: Path) -> None:
    """With start-up; counted is what the process computes, whatever the machine does besides."""
    both = original("mmdetection") + original("mmsegmentation")
    file.write_bytes(both.encode())

    def seconds() -> float:
        begin = os.times()
        command = [sys.executable, "-m", "hrnet_zoo", "readme", str(file), "--check"]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "67 rows" in finished.stderr
        end = os.times()
        return sum(end[2:4]) - sum(begin[2:4])  # user and system time of the children

    assert min(seconds() for _ in range(3)) < 1
