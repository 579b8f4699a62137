"""hrnet-zoo data show, check and prepare, as a user meets them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.data_trees import expect, label_path, make_split, write
from support.trees import RunCli, make_cityscapes

from hrnet_zoo import demo
from hrnet_zoo.datasets import DATASETS, cityscapes, of_kind
from hrnet_zoo.datasets.label_images import LabelImages
from hrnet_zoo.zoo.manifest import load_zoo

LABELLED = of_kind(LabelImages)
NAMES = sorted(LABELLED)
REAL = sorted(name for name, dataset in DATASETS.items() if dataset.download)


@pytest.mark.parametrize("name", NAMES)
def test_show_tells_what_is_expected(run_cli: RunCli, name: str) -> None:
    finished = run_cli("data", "show", name)
    assert finished.code == 0
    assert finished.err == ""
    layout = LABELLED[name]
    for folder in (layout.root, layout.image_dir, layout.label_dir):
        assert f"{folder}/\n" in finished.out
    assert f"{layout.num_images} images" in finished.out
    assert finished.out.isascii(), "every terminal and log file can show it"
    for kind in layout.labels:
        assert f"<name>{kind.suffix}" in finished.out
    for class_name in DATASETS[name].classes.names:
        assert class_name.strip() in finished.out


@pytest.mark.parametrize("name", REAL)
def test_show_tells_origin_terms_and_rows(run_cli: RunCli, name: str) -> None:
    out = " ".join(run_cli("data", "show", name).out.split())
    download = DATASETS[name].download
    assert download is not None
    for text in (
        *download.archives,
        download.obtained_from,
        download.terms,
        download.preparation,
        *(row.name for row in load_zoo().rows if row.setup.dataset == name),
    ):
        assert " ".join(text.split()) in out


def test_show_explains_stored_labels(run_cli: RunCli) -> None:
    cityscapes = run_cli("data", "show", "cityscapes").out
    assert "*_gtFine_labelIds.png: ids, of which 19 are mapped to classes" in cityscapes
    assert "#804080  road" in cityscapes
    context_60 = run_cli("data", "show", "pascal_context").out
    assert "0 to 59 are the classes, 255 is ignored" in context_60
    context_59 = run_cli("data", "show", "pascal_context_59").out
    assert "0 and 255 are ignored; class c is stored as c + 1, so 1 to 59" in context_59
    assert "boundaries of objects are ignored" in run_cli("data", "show", "potsdam").out
    assert "hrnet-zoo demo" in run_cli("data", "show", "scenes").out


@pytest.mark.parametrize("name", NAMES)
def test_show_for_programs(run_cli: RunCli, name: str) -> None:
    content = json.loads(run_cli("data", "show", name, "--format", "json").out)
    layout, classes = LABELLED[name], LABELLED[name].classes
    assert content["num_images"] == layout.num_images
    assert content["split_file"] == layout.split_file
    assert [c["name"] for c in content["classes"]] == list(classes.names)
    assert [tuple(c["rgb"]) for c in content["classes"]] == list(classes.palette)
    assert content["rows"] == [r.name for r in load_zoo().rows if r.setup.dataset == name]
    assert (content["download"] is None) == (name == "scenes")


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "citiscapes"],
        ["check", "citiscapes"],
        ["check", "ade20k", "--data", "citiscapes=/mnt/cs"],
        ["prepare", "citiscapes", "--source", "a", "--data-root", "b"],
    ],
    ids=" ".join,
)
def test_unknown_name(run_cli: RunCli, arguments: list[str]) -> None:
    finished = run_cli("data", *arguments)
    assert finished.code == 2
    assert 'No data set is called "citiscapes". Close: cityscapes.' in finished.err


@pytest.mark.parametrize(
    "arguments", [["--sample", "0"], ["--workers", "0"], ["--data", "cityscapes"]], ids=" ".join
)
def test_wrong_options(run_cli: RunCli, arguments: list[str]) -> None:
    assert run_cli("data", "check", "cityscapes", *arguments).code == 2


def test_check_of_the_shipped_data_set(run_cli: RunCli) -> None:
    finished = run_cli("data", "check", "scenes", "--data-root", demo.DATA_ROOT)
    assert finished.code == 0
    for text in (
        "Scenes (demo) in",
        "36 of 36",
        "all pairs",
        "270 x 180 (36)",
        "all 7 occur",
        "complete and intact",
    ):
        assert text in finished.out
    assert "checking Scenes (demo) (36 images)" in finished.err


def test_check_gives_the_fingerprint_of_records(run_cli: RunCli, tmp_path: Path) -> None:
    arguments = ("scenes", "--data-root", demo.DATA_ROOT, "--format", "json")
    checked = json.loads(run_cli("data", "check", *arguments).out)
    finished = run_cli(
        "verify", load_zoo(demo.MANIFEST).rows[0].name, "--zoo", demo.MANIFEST,
        "--data-root", demo.DATA_ROOT, "--output", tmp_path,
    )  # fmt: skip
    assert finished.code == 0
    (record,) = tmp_path.rglob("*Z.json")
    assert checked["fingerprint"] == json.loads(record.read_text())["dataset"]["fingerprint"]


def test_check_of_a_sample_says_so(run_cli: RunCli) -> None:
    arguments = ("scenes", "--data-root", demo.DATA_ROOT, "--sample", "5")
    finished = run_cli("data", "check", *arguments)
    assert finished.code == 0
    assert "5 of 36 pairs, a sample" in finished.out
    assert "nothing wrong in a sample of 5" in finished.out
    assert "complete and intact" not in finished.out
    assert "fingerprint" not in finished.out
    content = json.loads(run_cli("data", "check", *arguments, "--format", "json").out)
    assert content["sample_only"] is True
    assert content["fine"] is True
    assert content["fingerprint"] is None


@pytest.mark.parametrize("name", NAMES)
def test_check_of_every_layout(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    expect(monkeypatch, name, 3)
    root = make_split(tmp_path, name)
    finished = run_cli("data", "check", name, "--data", f"{name}={root}", "--workers", "2")
    assert finished.code == 0
    assert "complete and intact" in finished.out
    assert f"all {len(DATASETS[name].classes.names)} occur" in finished.out
    for path in sorted((root / LABELLED[name].label_dir).rglob("*.png"))[:1]:
        path.write_bytes(path.read_bytes()[:-9])
    finished = run_cli("data", "check", name, "--data-root", tmp_path)
    assert finished.code == 3
    assert "damaged label files\n" in finished.out
    assert "(the PNG data end early)" in finished.out


def test_check_shows_all_problems(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_split(tmp_path, "isaid", count=9)
    labels = sorted((root / "ann_dir").rglob("*.png"))
    labels[0].unlink()
    for path in labels[1:]:
        write(path, np.full((16, 24), 77, np.uint8))
    monkeypatch.setenv("HRNET_ZOO_DATA", str(tmp_path))
    finished = run_cli("data", "check", "isaid")
    assert finished.code == 3
    for text in (
        "9 of 11644",
        "wrong number of images\n    img_dir/val holds 9 images; the complete split has 11644\n",
        "images without a label file\n    part_0/scene_0\n",
        "label files with values that are not a class (8)\n",
        "and 3 more",
        "not complete, or not intact",
    ):
        assert text in finished.out
    content = json.loads(run_cli("data", "check", "isaid", "--format", "json").out)
    assert content["fine"] is False
    assert {p["kind"]: p["count"] for p in content["problems"]} == {
        "count": 1,
        "no_label": 1,
        "values": 8,
    }
    assert content["sizes"] == [{"width": 24, "height": 16, "images": 8}]
    assert content["unseen_classes"] is None


def test_check_says_what_is_mixed_and_unseen(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "cityscapes", 3)
    root = make_cityscapes(tmp_path, values=[0, 7, 8])
    make_cityscapes(tmp_path, count=1, label_kind="labelTrainIds", values=[0, 5, 255])
    out = run_cli("data", "check", "cityscapes", "--data", f"cityscapes={root}").out
    assert "mixed: *_gtFine_labelIds.png (2) and *_gtFine_labelTrainIds.png (1)" in out
    assert "3 of 19 occur; not seen: building, wall, fence, traffic light" in out


def test_check_lists_only_a_few_sizes(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "isaid", 6)
    root = make_split(tmp_path, "isaid", count=6)
    for i, image in enumerate(sorted((root / "img_dir").rglob("*.png"))):
        stem = image.relative_to(root / "img_dir/val").with_suffix("").as_posix()
        write(image, np.zeros((8, 8 + i, 3), np.uint8))
        write(label_path(root, LABELLED["isaid"], stem), np.zeros((8, 8 + i), np.uint8))
    assert (
        "11 x 8 (1) and 2 more sizes" in run_cli("data", "check", "isaid", "--data-root", root).out
    )


def test_check_of_what_is_not_there(run_cli: RunCli, tmp_path: Path) -> None:
    finished = run_cli("data", "check", "cityscapes", "--data-root", tmp_path)
    assert finished.code == 3
    assert "there is no folder" in finished.out
    content = json.loads(
        run_cli("data", "check", "cityscapes", "--data-root", tmp_path, "--format", "json").out
    )
    assert content["root"] is None
    assert content["problems"][0]["kind"] == "absent"


def test_check_without_any_folder(run_cli: RunCli) -> None:
    finished = run_cli("data", "check", "loveda")
    assert finished.code == 3
    assert "holds loveDA/ with --data-root, or set HRNET_ZOO_DATA" in finished.err


def cityscapes_zip(folder: Path) -> Path:
    """Pack three label files as the official download does."""
    root = make_cityscapes(folder / "made")
    archive = folder / "download" / "gtFine_trainvaltest.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted((root / "gtFine").rglob("*.png")):
            packed.write(path, path.relative_to(root).as_posix())
    return archive.parent


def test_prepare_then_check(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "cityscapes", 3)
    source, out = cityscapes_zip(tmp_path), tmp_path / "ready"
    make_cityscapes(out)
    command = ("data", "prepare", "cityscapes", "--source", source, "--data-root", out)
    first = run_cli(*command)
    assert first.code == 3
    assert "Cityscapes in" in first.out
    assert "gtFine/val got 3 files; the complete download makes 500." in first.err
    assert f"Add what {source} lacks, and give the same command again." in first.err
    assert first.out.splitlines()[-1].split() == ["gtFine/val", "3", "0", "500"]
    assert "prepare Cityscapes (3 images)" in first.err
    again = json.loads(run_cli(*command, "--format", "json", "--workers", "1").out)
    assert (again["complete"], again["written"], again["already_there"]) == (False, 0, 3)
    assert again["folders"] == [
        {"folder": "gtFine/val", "written": 0, "already_there": 3, "expected": 500}
    ]
    checked = run_cli("data", "check", "cityscapes", "--data-root", out)
    assert checked.code == 0
    assert "*_gtFine_labelTrainIds.png (3)" in checked.out


def test_a_complete_preparation_exits_0(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cityscapes._NUM_IMAGES, "val", 3)
    source, out = cityscapes_zip(tmp_path), tmp_path / "ready"
    command = ("data", "prepare", "cityscapes", "--source", source, "--data-root", out)
    for done in ("written", "already_there"):
        finished = run_cli(*command, "--format", "json")
        assert finished.code == 0
        prepared = json.loads(finished.out)
        assert (prepared["complete"], prepared[done]) == (True, 3)
        assert "complete download" not in finished.err


def test_prepare_never_replaces_without_being_told(run_cli: RunCli, tmp_path: Path) -> None:
    source, out = cityscapes_zip(tmp_path), tmp_path / "ready"
    command = ("data", "prepare", "cityscapes", "--source", source, "--data-root", out)
    assert run_cli(*command).code == 3, "three files are not the complete download"
    target = sorted(out.rglob("*_labelTrainIds.png"))[0]
    write(target, np.zeros((4, 4), np.uint8))
    refused = run_cli(*command)
    assert refused.code == 3
    assert "--overwrite" in refused.err
    replaced = run_cli(*command, "--overwrite")
    assert "--overwrite" not in replaced.err
    assert replaced.out.splitlines()[-1].split() == ["gtFine/val", "1", "2", "500"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ade20k", "--source", ".", "--data-root", "out"], 2, "needs no preparation"),
        (["cityscapes", "--source", "gone", "--data-root", "out"], 3, "There is no folder gone"),
        (["potsdam", "--source", ".", "--data-root", "out"], 3, "lacks"),
        (["potsdam", "--source", "."], 2, "Missing option '--data-root'"),
        (["potsdam", "--data-root", "."], 2, "Missing option '--source'"),
        (["potsdam", "--source", ".", "--data-root", "o", "--split", "test"], 2, "is not one of"),
    ],
)
def test_prepare_that_cannot_be_done(
    run_cli: RunCli, arguments: list[str], code: int, message: str
) -> None:
    finished = run_cli("data", "prepare", *arguments)
    assert finished.code == code
    assert message in finished.err
    assert "Traceback" not in finished.err
