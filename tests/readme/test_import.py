"""Imports: READMEs give back the manifest's rows, metafiles what they state; the rest is named."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from fill import DATA
from readme.test_readme import measured_everywhere
from support.readme_variants import SOURCES, VARIANTS, original
from support.trees import RunCli

from hrnet_zoo.errors import ReadmeError
from hrnet_zoo.readme import names
from hrnet_zoo.readme.importing.as_yaml import imported_as_yaml
from hrnet_zoo.readme.importing.entries import Entry, Imported, Place
from hrnet_zoo.readme.importing.from_file import import_file
from hrnet_zoo.readme.results import Links
from hrnet_zoo.readme.update import update_readme
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Manifest, Table
from hrnet_zoo.zoo.zoo import Zoo

ZOO = load_zoo()
NOTHING_KNOWN = Zoo(Manifest(schema_version=1, sources={}, tables=[], rows=[]), ZOO.path)
FROM_THE_TEXT = ("name", "source", "table", "position", "method", "printed", "config_url",
                 "checkpoint_url", "log_url")  # fmt: skip


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def parsed(text: str) -> Any:
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


MANIFEST = parsed(ZOO.path.read_text())


def rows_in(imported: Imported, zoo: Zoo = ZOO) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parsed(imported_as_yaml(imported, zoo))["rows"]
    return rows


def manifest_row(name: str) -> dict[str, Any]:
    return ZOO.row(name).model_dump(mode="json")


def completed(text: str) -> str:
    """Take the marks away, as a person who agrees with every suggestion would."""
    return text.replace("#? ", "")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_readmes_give_back_the_rows_of_the_manifest(
    tmp_path: Path, source: str, variant: str
) -> None:
    path = write(tmp_path, "README.md", VARIANTS[variant](original(source)))
    imported = import_file(path, ZOO)
    columns = ["#", "Device", "Remark"] * len(imported.tables) if variant == "more columns" else []
    reasons = [left_out.reason for left_out in imported.left_out]
    assert [re.findall(r'field for the column "(.*)"', reason) for reason in reasons] == [
        [title] for title in columns
    ]
    rows = rows_in(imported)
    expected = [row for row in MANIFEST["rows"] if row["source"] == source]
    order = {row["name"]: i for i, row in enumerate(expected)}
    assert [order[row["name"]] for row in rows] == list(range(len(expected)))
    for ours, theirs in zip(rows, expected, strict=True):
        assert {key: ours[key] for key in FROM_THE_TEXT} == {
            key: theirs[key] for key in FROM_THE_TEXT
        }
        assert ours["setup"].items() <= theirs["setup"].items()
        assert list(ours["setup"]) == [key for key in theirs["setup"] if key in ours["setup"]]


@pytest.mark.parametrize(
    ("source", "linked", "blank"),
    [
        (
            "mmsegmentation",
            {"architecture", "backbone", "num_classes", "dataset", "num_images", "train_crop"},
            set(),
        ),
        (
            "mmdetection",
            {"architecture", "backbone", "neck", "num_classes", "dataset", "num_images"},
            {"architecture", "neck"},
        ),
    ],
)  # fmt: skip
def test_what_follows_from_the_text(source: str, linked: set[str], blank: set[str]) -> None:
    for entry in import_file(DATA / "readmes" / f"{source}.md", NOTHING_KNOWN).entries:
        says_batch = "_4x4_" in (entry.name or "")
        expected = linked | ({"gpus", "samples_per_gpu"} if says_batch else set())
        assert set(entry.setup) == (expected if entry.links.checkpoint else blank)


@pytest.mark.parametrize("source", SOURCES)
def test_with_all_suggestions_taken_it_is_the_manifest(
    tmp_path: Path, run_cli: RunCli, source: str
) -> None:
    finished = run_cli("import", DATA / "readmes" / f"{source}.md", "--output", tmp_path / "x.yaml")
    assert (finished.code, finished.out) == (0, "")
    path = write(tmp_path, "zoo.yaml", completed((tmp_path / "x.yaml").read_text()))
    again = load_zoo(path)
    expected = [row for row in ZOO.rows if row.source == source]
    assert len(again.rows) == len(expected)
    for ours, theirs in zip(again.rows, expected, strict=True):
        assert ours == theirs.model_copy(update={"later": None, "notes": ours.notes})
    assert list(again.tables) == [table for table in ZOO.tables if table.source == source]
    assert again.sources == {source: ZOO.sources[source]}


def test_a_wrong_label_is_noted_and_the_file_name_counts() -> None:
    entries = import_file(DATA / "readmes" / "mmdetection.md", NOTHING_KNOWN).entries
    noted = [entry for entry in entries if entry.notes]
    assert [entry.setup["backbone"] for entry in noted] == ["w40", "w40"]
    assert 'The table says "HRNetV2p-W48"; the file\'s name says w40.' in noted[0].notes


def test_similar_rows_that_disagree_suggest_nothing(tmp_path: Path) -> None:
    new = "fcos_hrnetv2p_w48_4x4_3x_coco"
    text = original("mmdetection").replace("fcos_hrnetv2p_w18_gn-head_4x4_1x_coco", new)
    imported = import_file(write(tmp_path, "README.md", text), ZOO)
    lines = imported_as_yaml(imported, ZOO).splitlines()
    begin = lines.index(f"  - name: {new}")
    marked = [line.strip() for line in lines[begin : begin + 40] if "#?" in line][:3]
    assert marked[0] == "#? channels: 256  # as in all 7 rows of the zoo that are alike"
    assert marked[1].startswith("#? test: {scale: [1333, 800], size_divisor: 32, score_threshold")
    assert marked[2].startswith("#? normalisation:  # img_norm_cfg")


def test_name_and_heading_that_contradict_each_other_say_nothing(tmp_path: Path) -> None:
    text = original("mmsegmentation").replace("### LoveDA", "### Aerial")
    text = text.replace("### Cityscapes", "### LoveDA")
    entries = import_file(write(tmp_path, "README.md", text), ZOO).entries
    read = {entry.heading: entry.setup.get("dataset") for entry in entries}
    assert (read["LoveDA"], read["Aerial"], read["Potsdam"]) == (None, "loveda", "potsdam")


@pytest.mark.parametrize(
    ("name", "backbone", "dataset", "batch"),
    [
        ("htc_x101_64x4d_fpn_16x1_28e_coco", "x101_64x4d", "coco", (16, 1)),
        ("faster-rcnn_hrnetv2p-w18-1x_coco", "w18", "coco", None),
        ("fcn_hr18s_4xb2-40k_cityscapes-512x1024", "w18_small", "cityscapes", (4, 2)),
        ("fcn_hr48_480x480_40k_pascal_context_59", "w48", "pascal_context_59", None),
        ("fcn_hr48_480x480_40k_pascal_context", "w48", "pascal_context", None),
        ("fcn_r50_512x512_80k_pascal", None, None, None),
        ("mask_rcnn_r50_fpn_coco-2x_1x_nuim", None, None, None),
        ("swinv2-tiny-w8_3rdparty_in1k-256px", None, None, None),
        ("net_3x3_head_512x512_80k_loveda", None, "loveda", None),
        ("fcn_hr18_4xb2-40k_cityscapes-512x1024_dark-zurich-1920x1080", "w18", None, (4, 2)),
        ("fcn_hr18_4xb4-40k_pascal-context-59-480x480", "w18", "pascal_context_59", (4, 4)),
    ],
)
def test_what_names_say(
    name: str, backbone: str | None, dataset: str | None, batch: tuple[int, int] | None
) -> None:
    assert names.backbone_in_name(name) == backbone
    assert names.dataset_in_name(name) == dataset
    assert names.batch_in_name(name) == batch


def test_rows_that_nobody_knows_a_name_for(tmp_path: Path, run_cli: RunCli) -> None:
    (tmp_path / "none.yaml").write_text("schema_version: 1\nsources: {}\ntables: []\nrows: []\n")
    readme = DATA / "readmes" / "mmdetection.md"
    finished = run_cli("import", readme, "--zoo", tmp_path / "none.yaml", "--source", "mine")
    assert finished.code == 0
    assert (
        finished.err.count("links no file and is not clearly a row of the zoo; fill in its name")
        == 12
    )
    content = parsed(finished.out)
    assert sum("name" in row for row in content["rows"]) == 18
    assert {row["source"] for row in content["rows"]} == {"mine"}
    assert "    #? name: " in finished.out
    assert "#? test:  # the test pipeline's scale" in finished.out


def test_added_columns_are_no_part_of_the_readme(tmp_path: Path) -> None:
    both = update_readme(original("mmdetection"), ZOO, measured_everywhere(0.2), "both").new
    imported = import_file(write(tmp_path, "README.md", both), ZOO)
    assert imported.left_out == ()
    assert imported.tables == import_file(DATA / "readmes" / "mmdetection.md", ZOO).tables


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("| 77.19 |", "|", "9 cells under a header of 10"),
        ("| 77.19 |", "| 77.2? |", '"77.2?" is neither a decimal number'),
    ],
)  # fmt: skip
def test_lines_that_are_not_understood(
    tmp_path: Path, run_cli: RunCli, old: str, new: str, why: str
) -> None:
    text = original("mmsegmentation")
    before, line, after = re.split(r"(.*\| 77\.19 \|.*\n)", text)
    path = write(tmp_path, "README.md", before + line.replace(old, new) + after)
    finished = run_cli("import", path)
    assert finished.code == 3
    assert f"{path}:42: " in finished.err
    assert why in finished.err
    rows = parsed(finished.out)["rows"]
    assert len(rows) == 36
    assert "fcn_hr18_512x1024_40k_cityscapes" not in [row["name"] for row in rows]
    assert [row["position"] for row in rows[:3]] == [0, 2, 3]


FIRST = "fcn_hr18_512x1024_40k_cityscapes"
"""The second row of the README; its file is dated and ends in f196fb4e."""


@pytest.mark.parametrize(
    ("old", "new", "written", "why"),
    [
        ("-f196fb4e.pth", ".pth", f"name: {FIRST}", "does not end in the first 8 digits"),
        ("-f196fb4e.pth", "-f196fb4e.zip", f"name: {FIRST}", "no link to just one .pth file"),
        (f"{FIRST}_20200601_014216", "FCN_20200601", f"name: {FIRST}", None),
        (f"{FIRST}_2020", "fcn_hr18s_512x1024_40k_cityscapes_2020", f"name: {FIRST}", None),
        ("fcn_hr18_512x1024", "fcn_hr18s_512x1024", '#? name: ""', "is the row at {path}:41"),
    ],
)
def test_rows_stay_whose_file_or_name_a_manifest_does_not_take(
    tmp_path: Path, run_cli: RunCli, old: str, new: str, written: str, why: str | None
) -> None:
    text = original("mmsegmentation")
    before, line, after = re.split(r"(.*\| 77\.19 \|.*\n)", text)
    path = write(tmp_path, "README.md", before + line.replace(old, new) + after)
    finished = run_cli("import", path)
    assert finished.code == 0
    assert len(parsed(finished.out)["rows"]) == 37
    [row] = re.findall(rf"  # {path}:42\n(?:(?!  # {path}).*\n)+", finished.out)
    assert written in row
    marked = [text for text in row.splitlines() if "#? name" in text or "#? checkpoint_url" in text]
    assert bool(marked) == (why is not None)
    if why is not None:
        assert why.format(path=path) in marked[0]


def test_a_file_name_in_capitals_is_no_other_row(tmp_path: Path, run_cli: RunCli) -> None:
    old = f"{FIRST}_20200601_014216-f196fb4e.pth"
    text = original("mmsegmentation").replace(old, f"FCN_HR18{old[8:]}")
    finished = run_cli("import", write(tmp_path, "README.md", text))
    again = load_zoo(write(tmp_path, "zoo.yaml", completed(finished.out)))
    assert again.row(FIRST).checkpoint_file_name.startswith("FCN_HR18_512")
    assert again.row(FIRST).setup == ZOO.row(FIRST).setup
    assert "#? architecture" not in finished.out


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("| Backbone | mIoU |\n|--|--|\n| W18 | 1 |\n", "README.md:1: the table has no heading"),
        ("# A\n| Backbone | fps | Mem (GB) |\n|-|-|-|\n| x | 1 | 1 |\n", "do not tell whether"),
        ("# A\n| Backbone | mIoU | OA |\n|-|-|-|\n| x | 1 | 2 |\n", 'no field for the column "OA"'),
    ],
)  # fmt: skip
def test_tables_that_are_not_understood(
    tmp_path: Path, run_cli: RunCli, text: str, why: str
) -> None:
    finished = run_cli("import", write(tmp_path, "README.md", text))
    assert finished.code == 3
    assert why in finished.err


# --- other files


@pytest.mark.parametrize(
    ("name", "content", "code", "what"),
    [
        ("x.yml", b"", 3, 'neither "Models" nor "Import"'),
        ("x.yml", b"a: [1", 3, "x.yml:2: not valid YAML"),
        ("x.yml", b"[" * 5000, 3, "not valid YAML"),
        ("x.yml", b"Models: []", 3, "lists no models"),
        ("x.yml", b"Models: 3", 3, 'the model has no "Name"'),
        ("x.yml", b"\xff", 3, "is not UTF-8"),
        ("x.yml", None, 3, "No such file"),
        ("x.md", b"", 3, "no results table"),
        ("x.json", b"{}", 2, "neither a README (.md) nor a metafile (.yml)"),
    ],
)
def test_files_that_are_neither(
    tmp_path: Path, run_cli: RunCli, name: str, content: bytes | None, code: int, what: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    finished = run_cli("import", path)
    assert finished.code == code
    assert what in finished.err
    assert "Traceback" not in finished.err


ODD = ["-", ":", "- a", "a: b", "yes", "N", "null", "~", "1e3", "0x1F", "1_0", "12:30", ".inf",
       "#", "a #b", '"', "'", '"a"', "*x", "&y", "!z", "? ", "|", ">", "%d", "@a", "`a`", "[a",
       "{a: b}", ",a", "<<", "=", " x ", "a\u2028b", "a\u0085b", "\ufeffx", "a\x07b", "\x7f",
       "\ud800", "\U0001f600", "a\nb", "\t", "é", "2001-01-01", "---", "...", ""]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
def test_any_text_is_written_as_yaml_that_reads_as_it(text: str) -> None:
    table = Table(source=text, heading=text, task="segmentation", columns={text: "backbone"})
    row = Entry(
        place=Place(text, 1), task="segmentation", heading=text, position=0, names=(), name=text,
        method=text, printed={"backbone": text}, links=Links(text, text, text), stated=(text,),
    )  # fmt: skip
    nameless = replace(row, name=None, why_no_name=text, file_problem=f"{text}!")
    imported = Imported(source=text, title=text, url=text, tables=(table,), entries=(row, nameless),
                        left_out=())  # fmt: skip
    content = yaml.safe_load(imported_as_yaml(imported, ZOO))
    assert content["sources"] == {text: {"title": text} | ({"url": text} if text else {})}
    assert content["tables"][0]["columns"] == {text: "backbone"}
    for read in content["rows"]:
        assert (read["source"], read["table"], read["printed"]) == (text, text, {"backbone": text})
        assert read.get("method") == (text or None)
        assert read["notes"] == [text]
    assert content["rows"][0]["name"] == content["rows"][0]["log_url"] == text
    assert "name" not in content["rows"][1]
    assert "checkpoint_url" not in content["rows"][1]


def test_a_method_that_is_not_printed_is_left_to_be_filled_in(
    tmp_path: Path, run_cli: RunCli
) -> None:
    text = (
        "# FCN\n\n| Method | Backbone | mIoU |\n|-|-|-|\n| - | R-50 | 77.0 |\n|  | R-101 | 78.0 |\n"
    )
    finished = run_cli("import", write(tmp_path, "yes.md", text))
    content = parsed(finished.out)
    assert list(content["sources"]) == ["yes"]
    for row, printed in zip(content["rows"], ("-", ""), strict=True):
        assert (row["printed"]["method"], row.get("method")) == (printed, None)
    assert finished.out.count('#? method: ""') == 2


def test_a_heading_is_a_method_only_if_it_is_known_as_one(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("import", DATA / "readmes" / "mmpretrain.md")
    assert finished.out.count("#? method: HRNet  # as the zoo has it for this row") == 9
    table = "| Backbone | box AP |\n|-|-|\n| HRNetV2p-W18 | 37.7 |\n"
    text = f"# Results\n\n{table}\n# Mask R-CNN\n\n{table}"
    rows = rows_in(import_file(write(tmp_path, "README.md", text), NOTHING_KNOWN), NOTHING_KNOWN)
    assert [row.get("method") for row in rows] == [None, "Mask R-CNN"]
    assert [(row["setup"] or {}).get("architecture") for row in rows] == [None, "mask_rcnn_hrnet"]


NUIMAGES = """\
# NuImages

## Instance Segmentation

| Method | Backbone | Box AP | Download |
|-|-|-|-|
| Mask R-CNN | R-50 | 47.8 | [a](h/mask_rcnn_r50_fpn_coco-2x_1x_nuim_20201008-b1742a60.pth) |

## Cityscapes

| Method | Backbone | box AP | Config |
|-|-|-|-|
| Faster R-CNN | HRNetV2p-W18 | 40.3 | [b](./faster_rcnn_hrnetv2p_w18_1x_cityscapes.py) |

## Instance Segmentation

| Method | mask AP |
|-|-|
| Mask R-CNN | 38.1 |
"""


def test_no_data_set_follows_from_the_middle_of_a_name_or_of_another_task(tmp_path: Path) -> None:
    imported = import_file(write(tmp_path, "README.md", NUIMAGES), ZOO)
    assert imported.left_out == ()
    first, second, _ = rows_in(imported)
    assert not first["setup"]
    assert second["setup"] == {
        "architecture": "faster_rcnn_hrnet", "backbone": "w18", "neck": "hrfpn"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("fcn_hr18_512x512_80k_ade20k", "ade20k"),
        ("fcn_hr18_4xb4-80k_ade20k-512x512", "ade20k"),
        ("fcn_hr18_512x512_80k", "ade20k"),
        ("fcn_hr18_512x512_80k_ade20k-full", None),
        ("fcn_hr18_512x512_80k_ade20k_dcn", None),
        ("fcn_hr18_512x512_80k_pascal-context-5", None),
    ],
)
def test_a_heading_says_no_data_set_where_a_name_may_mean_another(
    tmp_path: Path, name: str, dataset: str | None
) -> None:
    text = f"# ADE20K\n\n| Method | mIoU | config |\n|-|-|-|\n| FCN | 20.1 | [c](x/{name}.py) |\n"
    [row] = rows_in(import_file(write(tmp_path, "README.md", text), ZOO))
    assert (row["name"], row["setup"].get("dataset")) == (name, dataset)
    assert ("num_classes" in row["setup"]) == (dataset is not None)


@pytest.mark.parametrize("number", ["~~36.27~~", "<del>36.27</del>"])
@pytest.mark.parametrize("html", [False, True])
def test_what_is_struck_out_is_no_result(tmp_path: Path, number: str, html: bool) -> None:
    text = "# ADE20K\n\n"
    rows = [("Method", "mIoU"), ("FCN", number), ("FCN", "36.9")]
    if html:
        cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
        text += "<table>" + "".join(f"<tr>{line}</tr>\n" for line in cells) + "</table>\n"
    else:
        title, *lines = (f"| {' | '.join(row)} |\n" for row in rows)
        text += f"{title}|---|---|\n{''.join(lines)}"
    imported = import_file(write(tmp_path, "README.md", text), ZOO)
    assert [entry.printed["miou"] for entry in imported.entries] == ["36.9"]
    [left_out] = imported.left_out
    assert '"~~36.27~~" is neither' in left_out.reason or number in left_out.reason


def test_weights_of_which_the_columns_tell_nothing_are_marked(tmp_path: Path) -> None:
    text = (
        "# ADE20K\n\n| Method | mIoU | Pretrained model |\n|---|---|---|\n"
        "| FCN | 36.9 | [model](https://h/fcn-0123abcd.pth) |\n"
    )
    imported = import_file(write(tmp_path, "README.md", text), ZOO)
    [entry] = imported.entries
    assert entry.file_problem is not None
    assert '"fcn-0123abcd.pth" is the row\'s own' in entry.file_problem
    assert "#? checkpoint_url" in imported_as_yaml(imported, ZOO)


@pytest.mark.parametrize(
    ("heading", "crop", "setup"),
    [
        ("Pascal Context", "480x480", {"train_crop": [480, 480]}),
        ("ADE20K", "512x1024", {"num_classes": 150, "dataset": "ade20k", "num_images": 2000}),
    ],
)
def test_what_titles_leave_open(
    tmp_path: Path, heading: str, crop: str, setup: dict[str, object]
) -> None:
    text = f"# {heading}\n\n| Backbone | Crop Size | mIoU |\n|-|-|-|\n| R-50 | {crop} | 50.1 |\n"
    [row] = rows_in(import_file(write(tmp_path, "README.md", text), ZOO))
    assert row["setup"] == setup


def test_tables_under_one_heading_are_told_apart(tmp_path: Path) -> None:
    imported = import_file(write(tmp_path, "README.md", NUIMAGES), ZOO)
    assert [table.heading for table in imported.tables] == [
        "Instance Segmentation", "Cityscapes", "Instance Segmentation (2)"
    ]  # fmt: skip
    assert [row["table"] for row in rows_in(imported)] == [t.heading for t in imported.tables]
    assert "below one heading" in imported_as_yaml(imported, ZOO)


def test_text_that_yaml_would_read_otherwise(tmp_path: Path) -> None:
    heading = 'Yes: "no" # 1'
    text = f"# {heading}\n\n| Backbone | mIoU | Style |\n|-|-|-|\n| null | 07.0 | <script> |\n"
    imported = import_file(write(tmp_path, "README.md", text), NOTHING_KNOWN)
    [row] = rows_in(imported, NOTHING_KNOWN)
    assert row["table"] == heading
    assert (row["printed"]["backbone"], row["printed"]["miou"]) == ("null", "07.0")
    assert row["printed"]["style"] == "<script>"


def test_an_unwritable_output_is_explained(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "import", DATA / "readmes" / "mmdetection.md", "--output", tmp_path / "none" / "x.yaml"
    )
    assert finished.code == 3
    assert "No such file" in finished.err


def test_a_readme_without_rows_says_why(tmp_path: Path) -> None:
    with pytest.raises(ReadmeError, match="no results table"):
        import_file(write(tmp_path, "x.md", "# Title\n"), ZOO)
