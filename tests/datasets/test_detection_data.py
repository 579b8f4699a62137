"""Showing, checking and preparing data sets with boxes, and scoring results on them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.coco_tree import (
    Json,
    change_annotations,
    image_file,
    make_coco,
    perfect_results,
    read_annotations,
)
from support.data_trees import expect
from support.trees import RunCli

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.check_report import CheckReport
from hrnet_zoo.datasets.checking import check as check_dataset
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.coco_samples import intact
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.problems import Note, ProblemKind
from hrnet_zoo.system.progress import Silent

COCO_SETS = of_kind(CocoInstances)
BOTH = sorted(COCO_SETS)

pytestmark = pytest.mark.usefixtures("scored_here")


def check(folder: Path, name: str = "coco", sample: int | None = None) -> CheckReport:
    return check_dataset(DATASETS[name], folder, workers=2, sample=sample, progress=Silent())


@pytest.mark.parametrize("name", BOTH)
def test_show_tells_what_is_expected(run_cli: RunCli, name: str) -> None:
    finished = run_cli("data", "show", name)
    layout = COCO_SETS[name]
    assert finished.code == 0
    assert finished.out.isascii()
    for text in (f"{layout.root}/\n", f"{layout.image_dir}/\n", f"{layout.num_images} images"):
        assert text in finished.out
    assert layout.annotation_file.rpartition("/")[2] in finished.out
    for class_name in DATASETS[name].classes.names:
        assert class_name in finished.out
    content = json.loads(run_cli("data", "show", name, "--format", "json").out)
    assert content["annotation_file"] == layout.annotation_file
    assert [c["category_id"] for c in content["classes"]] == list(layout.category_ids)


def test_show_says_that_ids_have_gaps(run_cli: RunCli) -> None:
    assert "category ids are 1 to 90, with gaps" in run_cli("data", "show", "coco").out
    assert "category ids are 1 to 4;" in run_cli("data", "show", "scenes_boxes").out


@pytest.mark.parametrize("name", BOTH)
def test_an_intact_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    expect(monkeypatch, name, 4)
    root = make_coco(tmp_path, name=name)
    report = check(tmp_path, name)
    assert report.is_fine
    assert (report.root, report.num_images, report.num_read) == (root, 4, 4)
    assert report.num_annotations == 10
    assert {(size.width, size.height): size.images for size in report.sizes} == {
        (160, 120): 2,
        (120, 160): 2,
    }
    assert report.unseen_classes == DATASETS[name].classes.names[9:]
    dataset = of_kind(CocoInstances)[name].open(tmp_path)
    samples = [dataset.load(i) for i in range(len(dataset))]
    assert report.fingerprint == fingerprint({s.name: s.digest for s in samples})


def test_everything_wrong_is_listed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_coco(tmp_path, count=6)

    def spoil(content: Json) -> None:
        content["annotations"][0]["image_id"] = 5
        content["annotations"][1]["category_id"] = 12
        content["annotations"][3]["id"] = content["annotations"][2]["id"]
        content["annotations"][4]["area"] = "big"
        content["images"][0]["id"] = content["images"][1]["id"]

    change_annotations(root, spoil)
    image_file(root, 0).unlink()
    image_file(root, 1).write_bytes(image_file(root, 1).read_bytes()[:-30])
    Image.new("RGB", (11, 12)).save(image_file(root, 2))
    report = check(tmp_path)
    assert {problem.kind: problem.count for problem in report.problems} == {
        ProblemKind.COUNT: 1,
        ProblemKind.MISSING_IMAGE: 1,
        ProblemKind.DAMAGED_IMAGE: 1,
        ProblemKind.LISTED_SIZE: 1,
        ProblemKind.MALFORMED: 1,
        ProblemKind.DUPLICATE_IMAGES: 1,
        ProblemKind.DUPLICATE_ANNOTATIONS: 1,
        ProblemKind.UNKNOWN_IDS: 2,
    }
    assert report.fingerprint is None
    assert report.num_images == 5
    expect(monkeypatch, "coco", 6)
    assert ProblemKind.COUNT not in {problem.kind for problem in check(tmp_path).problems}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda file: file.unlink(), ProblemKind.ANNOTATIONS),
        (lambda file: file.write_text('{"images": ['), ProblemKind.ANNOTATIONS),
        (
            lambda file: file.write_text('{"images": [], "annotations": []}'),
            ProblemKind.ANNOTATIONS,
        ),
    ],
)
def test_no_usable_annotations(
    tmp_path: Path, spoil: Callable[[Path], object], kind: ProblemKind
) -> None:
    root = make_coco(tmp_path)
    spoil(root / COCO_SETS["coco"].annotation_file)
    (problem,) = check(tmp_path).problems
    assert problem.kind is kind
    assert problem.examples[0].startswith("annotations/instances_val2017.json ")


def test_other_categories(tmp_path: Path) -> None:
    root = make_coco(tmp_path)
    change_annotations(root, lambda content: content.update(categories=[]))
    (problem,) = check(tmp_path).problems
    assert problem.kind is ProblemKind.CATEGORIES


def test_check_from_the_command_line(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, "coco", 4)
    make_coco(tmp_path)
    finished = run_cli("data", "check", "coco", "--data-root", tmp_path)
    assert finished.code == 0
    for text in (
        "COCO 2017 in",
        "images       4 of 4",
        "annotations  10",
        "all images",
        "120 x 160 (2), 160 x 120 (2)",
        "9 of 80 occur; not seen: traffic light, fire hydrant",
        "complete and intact",
    ):
        assert text in finished.out
    assert "labels" not in finished.out
    content = json.loads(
        run_cli("data", "check", "coco", "--data-root", tmp_path, "--format", "json").out
    )
    assert content["fine"] is True
    assert content["num_annotations"] == 10
    assert content["fingerprint"]
    finished = run_cli("data", "check", "coco", "--data-root", tmp_path, "--sample", "2")
    assert "2 of 4 images, a sample" in finished.out
    assert "9 of 80 occur;" in finished.out
    image_file(tmp_path / "coco", 1).unlink()
    finished = run_cli("data", "check", "coco", "--data-root", tmp_path)
    assert finished.code == 3
    assert "listed images that are missing\n    000000000285\n" in finished.out


def test_check_of_what_is_not_there(run_cli: RunCli, tmp_path: Path) -> None:
    finished = run_cli("data", "check", "coco", "--data-root", tmp_path)
    assert finished.code == 3
    assert "COCO 2017 was not found" in finished.out


def zips(folder: Path, root: Path) -> Path:
    """Pack a data set as the official download does, with files that are not needed."""
    source = folder / "download"
    source.mkdir()
    with zipfile.ZipFile(source / "val2017.zip", "w") as packed:
        for path in sorted((root / "val2017").iterdir()):
            packed.write(path, f"val2017/{path.name}")
    with zipfile.ZipFile(source / "annotations_trainval2017.zip", "w") as packed:
        packed.write(
            root / "annotations/instances_val2017.json", "annotations/instances_val2017.json"
        )
        packed.writestr("annotations/captions_val2017.json", "{}")
        packed.writestr("annotations/instances_train2017.json", "{}")
    return source


@pytest.mark.parametrize("zipped", [True, False])
def test_prepare_then_check(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool
) -> None:
    expect(monkeypatch, "coco", 4)
    root = make_coco(tmp_path / "made")
    source, out = zips(tmp_path, root) if zipped else root, tmp_path / "ready"
    command = ("data", "prepare", "coco", "--source", source, "--data-root", out)
    content = json.loads(run_cli(*command, "--format", "json").out)
    assert content["folders"] == [
        {"folder": "val2017", "written": 4, "already_there": 0, "expected": 5000},
        {"folder": "annotations", "written": 1, "already_there": 0, "expected": 1},
    ]
    assert run_cli("data", "check", "coco", "--data-root", out).code == 0
    assert not (out / "coco/annotations/captions_val2017.json").exists()
    again = json.loads(run_cli(*command, "--format", "json").out)
    assert (again["written"], again["already_there"]) == (0, 5)


def test_prepare_refuses_half_a_download(run_cli: RunCli, tmp_path: Path) -> None:
    root = make_coco(tmp_path / "made")
    image_file(root, 3).unlink()
    source = zips(tmp_path, root)
    command = ("data", "prepare", "coco", "--source", source, "--data-root", tmp_path / "out")
    finished = run_cli(*command)
    assert finished.code == 3
    assert "1 of the 4 images" in finished.err
    assert "(000000000577.jpg)" in finished.err
    (source / "annotations_trainval2017.zip").unlink()
    assert "annotations_trainval2017.zip" in run_cli(*command).err
    finished = run_cli(*command, "--split", "train")
    assert finished.code == 2


@pytest.fixture
def scored(tmp_path: Path) -> tuple[Path, Json]:
    root = make_coco(tmp_path)
    return root, read_annotations(root)


def write(path: Path, entries: Any) -> Path:
    path.write_text(json.dumps(entries))
    return path


def test_score_shows_the_figures(
    run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]
) -> None:
    root, truth = scored
    results = write(tmp_path / "results.json", perfect_results(truth)[1:])
    finished = run_cli("score", results, "--dataset", "coco", "--data-root", root)
    assert finished.code == 0
    assert "COCO 2017: 8 results on 4 of 5000 images" in finished.out
    figures = " ".join(finished.out.split())
    assert "AP 88.889 " in figures
    assert "AR small 66.667 AR medium 100.000 " in figures
    assert "masks" not in finished.out
    assert "scored by pycocotools" in finished.out
    assert finished.err == ""


def test_score_for_programs(run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]) -> None:
    root, truth = scored
    results = write(tmp_path / "results.json", perfect_results(truth, masks=True))
    command = ("score", results, "--dataset", "coco", "--data-root", root, "--format", "json")
    content = json.loads(run_cli(*command).out)
    assert (content["num_images"], content["num_expected"], content["num_results"]) == (4, 5000, 9)
    assert sorted(content["scores"]) == ["bbox", "segm"]
    for score in content["scores"].values():
        figures = [value for key, value in score.items() if key.startswith(("ap", "ar"))]
        # Each image has three objects of three classes, and so one detection finds all of a class.
        assert figures == pytest.approx([100.0] * 12)
        assert [c["name"] for c in score["categories"] if c["ap"] is not None] == list(
            DATASETS["coco"].classes.names[:9]
        )
    only = json.loads(run_cli(*command, "--kind", "segm", "--coco-backend", "faster").out)
    (score,) = only["scores"].values()
    assert score["backend"] == "faster"
    assert score["parity"]["agreed"] is True
    assert score["parity"]["num_images"] == 4


def test_score_needs_no_images(run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]) -> None:
    root, truth = scored
    results = write(tmp_path / "results.json", perfect_results(truth))
    for i in range(4):
        image_file(root, i).unlink()
    (root / "val2017").rmdir()
    finished = run_cli("score", results, "--dataset", "coco", "--data-root", tmp_path)
    assert finished.code == 0


def test_score_of_masks_alone(run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]) -> None:
    root, truth = scored
    entries = perfect_results(truth, masks=True)
    for entry in entries:
        del entry["bbox"]
    command = ("score", write(tmp_path / "r.json", entries), "--dataset", "coco")
    finished = run_cli(*command, "--data-root", root)
    assert finished.code == 0
    assert "boxes" not in finished.out
    assert "masks" in finished.out
    assert run_cli(*command, "--data-root", root, "--kind", "bbox").code == 2


def test_score_of_masks_where_only_boxes_are_annotated(
    run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]
) -> None:
    root, truth = scored
    results = write(tmp_path / "results.json", perfect_results(truth, masks=True))

    def drop_masks(content: Json) -> None:
        for annotation in content["annotations"]:
            del annotation["segmentation"]

    change_annotations(root, drop_masks)
    command = ("score", results, "--dataset", "coco", "--data-root", root)
    assert "masks" not in run_cli(*command).out
    assert run_cli(*command, "--kind", "segm").code == 2


def test_score_of_nothing_is_zero(run_cli: RunCli, tmp_path: Path) -> None:
    make_coco(tmp_path)
    results = write(tmp_path / "results.json", [])
    finished = run_cli("score", results, "--dataset", "coco", "--data-root", tmp_path)
    assert finished.code == 0
    assert "0 results on 4" in finished.out
    assert "AP 0.000 " in " ".join(finished.out.split())


def test_score_that_cannot_be_done(
    run_cli: RunCli, tmp_path: Path, scored: tuple[Path, Json]
) -> None:
    root, truth = scored
    results = write(tmp_path / "results.json", perfect_results(truth))
    root_option = ("--data-root", root)
    for arguments, code, said in (
        ((results, "--dataset", "cityscapes"), 2, '"cityscapes" is not a detection data set'),
        ((results, "--dataset", "coco"), 3, "holds coco/ with --data-root"),
        (
            (results, "--dataset", "coco", "--kind", "segm", *root_option),
            2,
            "do not both have masks",
        ),
        ((tmp_path / "gone", "--dataset", "coco", *root_option), 3, "gone cannot be read"),
        ((write(tmp_path / "odd", {}), "--dataset", "coco", *root_option), 3, "not a results file"),
    ):
        finished = run_cli("score", *arguments)
        assert finished.code == code
        assert said in finished.err
        assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("image", {"width": 60_000, "height": 60_000}),
        ("image", {"width": True}),
        ("image", {"width": 2**40}),
        ("image", {"file_name": "x" * 256}),
        ("annotation", {"bbox": [0, 0, 1e200, 1]}),
        ("annotation", {"area": 1e200}),
        ("annotation", {"id": 2**63}),
    ],
)
def test_numbers_that_no_image_has(what: str, change: dict[str, Any]) -> None:
    sound: dict[str, Any] = {"id": 1, "width": 10, "height": 10, "file_name": "a.jpg"}
    sound |= {"image_id": 1, "category_id": 1, "iscrowd": 0, "area": 1.0, "bbox": [0, 0, 1, 1]}
    notes: list[Note] = []
    assert intact(what, [sound, sound | change, sound], notes) == [sound, sound]
    assert notes == [(ProblemKind.MALFORMED, f"{what} no. 2")]


def test_lists_of_nothing_are_not_told_one_by_one() -> None:
    """Of ten million entries that are none, pydantic would tell in 10 GB what each lacks."""
    notes: list[Note] = []
    assert intact("annotation", [{}] * 5000, notes) == []
    assert len(notes) == 2001
    assert (ProblemKind.MALFORMED, "annotations after no. 2000: not read") in notes
