"""The real manifest against the READMEs' tables, and broken manifests against their messages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from fill import DATA
from support.trees import RunCli

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.errors import ManifestError, UsageError
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup
from hrnet_zoo.weights.download import sha256_of
from hrnet_zoo.zoo.manifest import default_manifest, load_zoo
from hrnet_zoo.zoo.printed import printed_number
from hrnet_zoo.zoo.schema import manifest_schema

ROOT = Path(__file__).parents[2]
FIELDS = {
    "Method": "method",
    "Backbone": "backbone",
    "Crop Size": "crop_size",
    "Lr schd": "lr_schd",
    "Style": "style",
    "GN": "gn",
    "MS train": "ms_train",
    "Mem (GB)": "train_memory_gb",
    "Inf time (fps)": "fps",
    "mIoU": "miou",
    "mIoU(ms+flip)": "miou_ms_flip",
    "box AP": "box_ap",
    "mask AP": "mask_ap",
    "Model": "model",
    "Pretrain": "pretrain",
    "Params (M)": "params_m",
    "Flops (G)": "flops_g",
    "Top-1 (%)": "top1",
    "Top-5 (%)": "top5",
}
TASKS = {
    "mmsegmentation": "segmentation",
    "mmdetection": "detection",
    "mmpretrain": "classification",
}


def readme_rows() -> list[dict[str, Any]]:
    """Parse the tables as printed: one dict per row, with its heading and position."""
    rows: list[dict[str, Any]] = []
    for source, task in TASKS.items():
        heading, position = "", 0
        titles: list[str] = []
        for line in (DATA / "tables" / f"{source}.md").read_text().splitlines():
            if line.startswith("### "):
                heading, titles, position = line.removeprefix("### ").strip(), [], 0
            elif set(line) <= set("|:- "):
                continue
            elif line.startswith("|"):
                cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
                if not titles:
                    titles = cells
                    continue
                assert len(cells) == len(titles)
                cells_by_title = dict(zip(titles, cells, strict=True))
                rows.append(
                    {"task": task, "table": heading, "position": position, **cells_by_title}
                )
                position += 1
    return rows


README_ROWS = readme_rows()


def links(cell: str) -> dict[str, str]:
    return dict(re.findall(r"\[(\w+)\]\((\S+?)\)", cell))


def test_list_equals_the_readmes_cell_by_cell(run_cli: RunCli) -> None:
    listed = json.loads(run_cli("list", "--format", "json").out)
    assert len(listed) == len(README_ROWS) == 76
    numbers = 0
    for ours, theirs in zip(listed, README_ROWS, strict=True):
        for key in ("task", "table", "position"):
            assert ours[key] == theirs[key]
        method = "HRNet" if theirs["task"] == "classification" else theirs["table"]
        assert ours["method"] == theirs.get("Method", method)
        for title, field in FIELDS.items():
            cell = theirs.get(title)
            if field in METRICS:
                value = None if cell in (None, "", "-") else float(cell)
                assert ours["documented"][field] == value
                numbers += value is not None
            elif field != "method":
                assert ours[field] == cell
        download = links(theirs.get("download", theirs.get("Download", "")))
        assert ours["config_url"] == links(theirs.get("config", theirs.get("Config", ""))).get(
            "config"
        )
        assert ours["checkpoint_url"] == download.get("model")
        assert ours["log_url"] == download.get("log")
    assert numbers == 178 + 36


def test_quotations_keep_every_character() -> None:
    for row, theirs in zip(load_zoo().rows, README_ROWS, strict=True):
        for title, field in FIELDS.items():
            assert row.text(field) == theirs.get(title)
    assert load_zoo().row("fcn_hr18_512x1024_160k_cityscapes").text("miou") == "78.80"


def test_names_are_the_stems_of_the_checkpoints() -> None:
    with_weights = [row for row in load_zoo().rows if row.checkpoint_url]
    assert len(with_weights) == 64
    for row in with_weights:
        pattern = re.escape(row.name) + r"_\d{8}(_\d{6})?-[0-9a-f]{8}\.pth"
        assert re.fullmatch(pattern, row.checkpoint_file_name)
        if row.task != "classification":  # whose configurations have names of their own
            assert row.config_url is None or row.config_url.endswith(f"/{row.name}.py")
    blank = [row.name for row in load_zoo().rows if not row.checkpoint_url]
    assert len(blank) == 12
    assert "htc_x101_64x4d_fpn_16x1_28e_coco" in blank
    assert "faster_rcnn_hrnetv2p_w40_2x_coco" in blank


def test_rows_labelled_w48_say_that_they_are_w40() -> None:
    labelled = [
        row
        for row in load_zoo().rows
        if row.task == "detection" and "W48" in row.printed["backbone"]
    ]
    assert len([row for row in labelled if row.checkpoint_url]) == 2
    for row in labelled:
        assert row.printed["backbone"] == "HRNetV2p-W48"
        assert row.setup.backbone == "w40"
        assert any("w40" in note for note in row.notes)


def test_test_scale_is_not_the_training_crop() -> None:
    row = load_zoo().row("fcn_hr18_512x1024_40k_cityscapes")
    assert isinstance(row.setup, SegmentationSetup)
    assert row.setup.test.scale == (2048, 1024)
    assert row.setup.train_crop == (512, 1024)


@pytest.mark.parametrize(
    ("dataset", "mode", "scale", "samples"),
    [
        ("cityscapes", "whole", (2048, 1024), 2),
        ("ade20k", "whole", (2048, 512), 4),
        ("pascal_context_59", "slide", (520, 520), 4),
        ("isaid", "whole", (896, 896), 4),
    ],
)
def test_protocols_of_the_data_sets(
    dataset: str, mode: str, scale: tuple[int, int], samples: int
) -> None:
    for row in load_zoo().select(dataset=dataset):
        assert isinstance(row.setup, SegmentationSetup)
        assert (row.setup.test.mode, row.setup.test.scale) == (mode, scale)
        assert row.setup.samples_per_gpu == samples


def test_fcos_rows_take_bgr_with_unit_deviation() -> None:
    for row in load_zoo().select(method="fcos"):
        normalisation = row.setup.normalisation
        assert normalisation.channel_order == "bgr"
        assert normalisation.std == (1.0, 1.0, 1.0)
        first = 103.53 if row.text("ms_train") == "Y" else 102.9801
        assert normalisation.mean[0] == first


def test_committed_schema_is_current_and_accepts_the_manifest() -> None:
    schema = json.loads((ROOT / "zoo.schema.json").read_text())
    assert schema == manifest_schema(), "run: hrnet-zoo schema > zoo.schema.json"
    content = yaml.safe_load((ROOT / "zoo.yaml").read_text())
    jsonschema.validate(content, schema)
    content["rows"][0]["printed"]["miou"] = 73.86
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)


def test_schema_command(run_cli: RunCli) -> None:
    assert json.loads(run_cli("schema").out) == json.loads((ROOT / "zoo.schema.json").read_text())


Edit = Callable[[str], str]


def broken(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    """Write a copy of the manifest with each text replaced once."""
    text = default_manifest().read_text()
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    path = tmp_path / "zoo.yaml"
    path.write_text(text)
    return path


def line_of(path: Path, text: str) -> int:
    return path.read_text().splitlines().index(text) + 1


def test_typo_wrong_type_and_missing_key_are_reported_at_once(tmp_path: Path) -> None:
    path = broken(
        tmp_path,
        ('      miou: "73.86"', "      mIoU: 73.86"),
        ("      num_classes: 19", '      num_classes: "19"'),
        ('      miou: "77.19"', "      miou: 77.19"),
    )
    with pytest.raises(ManifestError) as error:
        load_zoo(path)
    message = str(error.value)
    assert message.startswith("The manifest has 4 problems:")
    for line, what in (
        ("      mIoU: 73.86", "printed.mIoU: unknown key. Close: miou"),
        ('      num_classes: "19"', "setup.num_classes: is '19'"),
        ("      miou: 77.19", "printed.miou: is the number 77.19; write it in quotes"),
    ):
        assert f"zoo.yaml:{line_of(path, line)}: " in message
        assert what in message
    assert "printed.miou: the table has this column: quote the cell" in message
    assert "fcn_hr18s_512x1024_40k_cityscapes" in message


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('miou: "73.86"', 'miou: "73.8.6"', '"73.8.6" is neither a decimal number nor an empty'),
        ('miou: "73.86"', "miou: null", "the table has this column: quote the cell"),
        ('miou: "73.86"', 'box_ap: "1.0"\n      miou: "73.86"', "the table has no such column"),
        ("position: 1\n", "position: 0\n", "two rows are number 0 of Cityscapes"),
        ("-93db27d0.pth", ".pth", "must end in the first 8 hex digits"),
        (
            "cityscapes_20200601_014216-93",
            "ade_20200601_014216-93",
            "does not begin with the row's",
        ),
        ("table: Cityscapes", "table: Citiscapes", "has no table 'Citiscapes'"),
        (
            "Lr schd: lr_schd",
            "Lr schd: lr_sched",
            "is 'lr_sched'; not a column. Close: lr_schd",
        ),
        ("task: segmentation", "task: segmentatoin", "tables.0.task: is 'segmentatoin'"),
        ("num_classes: 19", "num_classes: 0", "greater than 0"),
        ("schema_version: 1", "schema_version: 2", "schema_version: is 2"),
        ('fps: "23.74"', 'fps: "23.74"\n      fps: "1"', "printed.fps: written twice"),
        (
            "architecture: fcn_hrnet",
            "architecture: fcn_hrnett",
            "setup.architecture: is 'fcn_hrnett'",
        ),
        (
            "dataset: cityscapes",
            "dataset: citiscapes",
            "setup.dataset: is 'citiscapes'; not a data set for this task. Close: cityscapes.",
        ),
        (
            "dataset: cityscapes",
            "dataset: coco",
            "is 'coco'; not a data set for this task. There are:",
        ),
        ("dataset: cityscapes", "dataset: x", "for this task. There are: cityscapes, ade20k,"),
        ("backbone: w18_small", "backbone: w18small", "setup.backbone: is 'w18small'"),
        ("num_classes: 19", "num_classes: 300", "less than or equal to 253"),
        ("scale: [2048, 1024]", "scale: [0, 1024]", "greater than 0"),
        ("std: [58.395", "std: [0.0", "greater than 0"),
        ("position: 0", "position: -4", "greater than or equal to 0"),
        ('miou: "73.86"', 'miou: "-73.86"', "neither a decimal number"),
        ('miou: "73.86"', 'miou: "7386"', "7386 percent is impossible"),
        ('miou: "73.86"', 'miou: "1_0"', "neither a decimal number"),
        ("mode: whole", "mode: hole", "setup.test.mode: is 'hole'"),
    ],
)
def test_each_kind_of_mistake(tmp_path: Path, old: str, new: str, what: str) -> None:
    with pytest.raises(ManifestError) as error:
        load_zoo(broken(tmp_path, (old, new)))
    assert what in str(error.value)
    assert re.search(r"zoo\.yaml:\d+: ", str(error.value))


def test_addresses_that_cannot_be_used_are_not_repeated(tmp_path: Path) -> None:
    text = MANIFEST.read_text()
    edits = (
        ("url: https://github.com/", "url: https://me:secret@github.com/"),
        ("config_url: null", "config_url: 'http://me:secret@[::1/x'"),
        ("checkpoint_url: ", "checkpoint_url: http://me:secret@h/"),
        ("log_url: null", 'log_url: "a\\nb"'),
    )
    for old, new in edits:
        text = text.replace(old, new, 1)
    path = tmp_path / "zoo.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError) as error:
        load_zoo(path)
    message = str(error.value)
    assert message.startswith("The manifest has 4 problems:")
    assert "secret" not in message
    for what in (
        "sources.scenes.url: holds a user name or password, which would be printed; put it into",
        "fcn_hr5s_180x270_2k_scenes: config_url: is no proper address; write https://host/",
        "fcn_hr5s_180x270_2k_scenes: checkpoint_url: holds a user name or password",
        "fcn_hr5s_180x270_2k_scenes: log_url: holds a line break or another control character",
    ):
        assert what in message


def test_two_rows_of_one_name(tmp_path: Path) -> None:
    path = broken(
        tmp_path,
        ("- name: fcn_hr18_512x1024_40k_cityscapes", "- name: fcn_hr18s_512x1024_40k_cityscapes"),
    )
    with pytest.raises(ManifestError, match="two rows have this name"):
        load_zoo(path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("x" * 5000, "xxx...; input should be"),
        ("a: 2020-13-45", "zoo.yaml:1: a: '2020-13-45' is not a timestamp"),
        ("? [a, b]\n: 1", "a key that is not plain text"),
        ("rows: {a: 1, a: 2}", "written twice"),
        ("[" * 5000, "not valid YAML"),
        ("rows: [1, 2", "zoo.yaml:2: not valid YAML"),
        ("", "is empty"),
        ("a: &x {b: 1}\nc: *x\n", "an alias; every row is written out in full"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError) as error:
        load_zoo(path)
    assert what in str(error.value)


def test_missing_manifest(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("list", "--zoo", tmp_path / "none.yaml")
    assert finished.code == 2
    assert "cannot be read" in finished.err


def test_unknown_name_offers_close_ones() -> None:
    with pytest.raises(UsageError, match="Close: fcn_hr18_512x1024_40k_cityscapes"):
        load_zoo().row("fcn_hr18_512x1024_40k_cityscape")


@pytest.mark.parametrize(
    ("printed", "value"),
    [("78.80", Decimal("78.80")), ("0", Decimal(0)), ("", None), ("-", None), (None, None)],
)
def test_blank_and_dash_are_not_zero(printed: str | None, value: Decimal | None) -> None:
    assert printed_number(printed) == value
    assert str(printed_number("78.80")) == "78.80"


@pytest.mark.parametrize("printed", ["nan", "1e2", "12,5", " ", "?"])
def test_text_that_is_no_number(printed: str) -> None:
    with pytest.raises(ValueError, match="neither a decimal number"):
        printed_number(printed)


def test_filters(run_cli: RunCli) -> None:
    def names(*options: str) -> list[str]:
        return [
            row["name"] for row in json.loads(run_cli("list", *options, "--format", "json").out)
        ]

    assert len(names("--task", "detection")) == 30
    assert len(names("--dataset", "Cityscapes")) == 9
    assert len(names("--method", "FCOS")) == 7
    assert len(names("--method", "mask r-cnn", "--task", "detection")) == 6
    finished = run_cli("list", "--dataset", "citiscapes")
    assert finished.code == 2
    assert "cityscapes" in finished.err


def test_csv_has_the_printed_decimals(run_cli: RunCli) -> None:
    lines = run_cli("list", "--format", "csv").out.splitlines()
    assert len(lines) == 77
    assert any(",78.80,80.74," in line for line in lines)


def test_text_list_shows_both_readings_of_a_mislabelled_row(run_cli: RunCli) -> None:
    lines = run_cli("list", "--task", "detection").out.splitlines()
    line = next(line for line in lines if line.startswith("faster_rcnn_hrnetv2p_w40_1x_coco"))
    assert line.split()[1:3] == ["HRNetV2p-W48", "w40"]
    assert lines[-1] == "30 rows: 18 with a checkpoint, 12 blank"


def test_show(run_cli: RunCli) -> None:
    out = run_cli("show", "faster_rcnn_hrnetv2p_w40_1x_coco").out
    for part in ("HRNetV2p-W48", "w40", "41.2", "95c1f5ce.pth", "notes"):
        assert part in out
    content = json.loads(
        run_cli("show", "fcn_hr18_512x1024_160k_cityscapes", "--format", "json").out
    )
    assert content["printed"]["miou"] == "78.80"
    assert content["setup"]["test"] == {"mode": "whole", "scale": [2048, 1024]}
    assert content["checkpoint_sha256_prefix"] == "221e4a4f"


def test_show_says_what_is_known_of_the_file(tmp_path: Path, run_cli: RunCli) -> None:
    name = "hrnet-w2s_scenes"
    digits = "SHA-256            begins with 9a13d4d5 (32 bits: an accident is found, a forger not)"
    out = run_cli("show", name, "--zoo", MANIFEST, "--lock", tmp_path / "none.lock").out
    assert digits in out
    assert "locked             no\n" in out
    out = run_cli("show", name, "--zoo", MANIFEST).out
    assert digits in out
    sha256 = sha256_of(next(MANIFEST.parent.glob(f"checkpoints/{name}_*")))
    assert f"locked             {sha256} since 2026-11-30\n" in out


DEMO = MANIFEST.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "value",
    ['!!int ""', "!!bool maybe", "!!timestamp x", "2020-99-99", '!!binary "="', "!!float ''",
     "!!python/object:os.system x", "9" * 5000, "0x" + "f" * 5000, "!!null x", "1:2:" * 400 + "1"],
)  # fmt: skip
def test_value_that_yaml_cannot_make_is_named_with_its_line(tmp_path: Path, value: str) -> None:
    text = re.sub(r"(?m)^  - name: .*$", lambda _: f"  - name: {value}", DEMO, count=1)
    (tmp_path / "zoo.yaml").write_text(text, encoding="utf-8")
    line = next(i for i, one in enumerate(text.splitlines(), 1) if one.startswith("  - name:"))
    with pytest.raises(ManifestError, match=rf"zoo.yaml:{line}: row 0: name: "):
        load_zoo(tmp_path / "zoo.yaml")


def test_foreign_text_in_a_problem_is_on_one_line(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^  - name: .*$", r'  - name: "a\\n::error::x\\r\\e[2J"', DEMO, count=1)
    (tmp_path / "zoo.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError) as refused:
        load_zoo(tmp_path / "zoo.yaml")
    assert not [line for line in str(refused.value).splitlines() if line.startswith("::")]
    assert not set("\r\x1b") & set(str(refused.value))


def test_many_problems_are_listed_in_part_and_soon(tmp_path: Path) -> None:
    more = "".join(f"unknown_{i}: 1\n" for i in range(5000))
    (tmp_path / "zoo.yaml").write_text(DEMO + more, encoding="utf-8")
    with pytest.raises(ManifestError, match="100 problems at least"):
        load_zoo(tmp_path / "zoo.yaml")


def test_manifest_is_a_regular_file_of_reasonable_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "zoo.yaml")
    for path, why in (
        (tmp_path / "zoo.yaml", "not a regular file"),
        (Path("/dev/zero"), "not a regular file"),
        (tmp_path / "a\0b", "is no name of a file"),
    ):
        with pytest.raises(ManifestError, match=why):
            load_zoo(path)
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(8 * 1024**2 + 1)
    with pytest.raises(ManifestError, match="more than 8388608 bytes"):
        load_zoo(tmp_path / "large.yaml")
