"""score whatever is in its files: it ends, and says what is wrong and what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.coco_tree import Json, change_annotations, make_coco, perfect_results, read_annotations
from support.data_trees import expect
from support.trees import RunCli

ANNOTATIONS = "annotations/instances_val2017.json"
NUM_DAMAGED, SECONDS = 240, 120

pytestmark = pytest.mark.usefixtures("scored_here")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_coco(tmp_path)


def write(root: Path, entries: Any) -> Path:
    path = root.parent / "results.json"
    path.write_text(json.dumps(entries))
    return path


def masks_of(root: Path) -> list[Json]:
    return perfect_results(read_annotations(root), masks=True)


def first_object(content: Json) -> Json:
    entry = content["annotations"][0]
    assert isinstance(entry, dict)
    return entry


@pytest.mark.parametrize("where", ["results", "annotations"])
def test_a_mask_whose_runs_do_not_fill_the_image(run_cli: RunCli, root: Path, where: str) -> None:
    """pycocotools compares it with others for ever."""
    entries = masks_of(root)
    if where == "results":
        entries[1]["segmentation"]["counts"] = entries[1]["segmentation"]["counts"][:-3]
    else:
        crowd = {"size": [120, 160], "counts": [0, 1200, 17_000]}
        change_annotations(root, lambda c: c["annotations"][-1].update(segmentation=crowd))
    results = write(root, entries)
    finished = run_cli("score", results, "--dataset", "coco", "--data-root", root)
    assert finished.code == 3
    if where == "results":
        assert (
            f"{results} has 1 of 9 entries whose mask cannot be scored, e.g. no. 2 {{"
            in finished.err
        )
        assert "'image_id': 139" in finished.err
        assert "Write them again with the tool they came from" in finished.err
    else:
        assert (
            f"{ANNOTATIONS}, annotation 900100000139 of image 139: the mask's runs" in finished.err
        )
        assert "add up to 18200 pixels, not to 160 x 120" in finished.err
        assert "unpack it again from the official download" in finished.err


@pytest.mark.parametrize("mask", [[], {}, [[]], [[1, 2]], "abcdefgh", ["abcdefgh"], [[[0, 0]] * 5]])
def test_annotated_masks_that_are_none(
    run_cli: RunCli, root: Path, monkeypatch: pytest.MonkeyPatch, mask: object
) -> None:
    results = write(root, masks_of(root))
    change_annotations(root, lambda content: first_object(content).update(segmentation=mask))
    command = ("score", results, "--dataset", "coco", "--data-root", root)
    for kind in ("auto", "segm"):
        finished = run_cli(*command, "--kind", kind)
        assert finished.code == 3
        assert "1 masks that cannot be scored" in finished.err
        assert f"{ANNOTATIONS}, annotation 1000 of image 139: " in finished.err
    # Boxes are what they were, and pycocotools does not look at masks for them.
    finished = run_cli(*command, "--kind", "bbox")
    assert finished.code == 0
    assert "AP 100.000 " in " ".join(finished.out.split())
    expect(monkeypatch, "coco", 4)
    finished = run_cli("data", "check", "coco", "--data-root", root)
    assert finished.code == 3
    assert "masks that cannot be scored\n" in finished.out
    assert f"    {ANNOTATIONS}, annotation 1000 of image 139: " in finished.out
    assert "restore what is named from the official download" in finished.out


def test_empty_masks_everywhere_are_a_data_set_without_masks(
    run_cli: RunCli, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks_of_objects = masks_of(root)
    results = write(root, masks_of_objects)

    def empty(content: Json) -> None:
        for annotation in content["annotations"]:
            annotation["segmentation"] = []

    change_annotations(root, empty)
    command = ("score", results, "--dataset", "coco", "--data-root", root)
    finished = run_cli(*command)
    assert finished.code == 0
    assert "masks" not in finished.out
    finished = run_cli(*command, "--kind", "segm")
    assert finished.code == 2
    assert "Results and annotations do not both have masks. Leave --kind out." in finished.err
    boxless = [{k: v for k, v in entry.items() if k != "bbox"} for entry in masks_of_objects]
    write(root, boxless)
    finished = run_cli(*command)
    assert finished.code == 2
    assert "do not both have masks. Write boxes into the results, too." in finished.err
    expect(monkeypatch, "coco", 4)
    assert run_cli("data", "check", "coco", "--data-root", root).code == 0


def test_boxes_beside_damaged_masks_are_scored_if_asked_for(run_cli: RunCli, root: Path) -> None:
    entries = masks_of(root)
    entries[0]["segmentation"]["counts"] = "0"
    command = ("score", write(root, entries), "--dataset", "coco", "--data-root", root)
    finished = run_cli(*command)
    assert finished.code == 3
    assert "Boxes alone are scored with --kind bbox" in finished.err
    assert run_cli(*command, "--kind", "bbox").code == 0


def as_floats(entry: Json) -> None:
    entry["image_id"] = float(entry["image_id"])
    entry["category_id"] = float(entry["category_id"])


def as_polygon(entry: Json) -> None:
    x, y, width, height = entry["bbox"]
    right, bottom = x + width, y + height
    entry["segmentation"] = [[x, y, right, y, right, bottom, x, bottom]]


def as_polygon_alone(entry: Json) -> None:
    as_polygon(entry)
    del entry["bbox"]


def with_no_box(entry: Json) -> None:
    entry["bbox"] = []


def with_more_fields(entry: Json) -> None:
    entry |= {"caption": "a cat", "id": "x", "area": None, "keypoints": 3, "iscrowd": 1}


@pytest.mark.parametrize(
    "edit", [as_floats, as_polygon, as_polygon_alone, with_no_box, with_more_fields]
)
def test_other_forms_have_the_same_figures(
    run_cli: RunCli, root: Path, edit: Callable[[Json], object]
) -> None:
    entries = masks_of(root)
    command = ("--dataset", "coco", "--data-root", root, "--kind", "segm", "--format", "json")
    before = json.loads(run_cli("score", write(root, entries), *command).out)
    for entry in entries:
        edit(entry)
    finished = run_cli("score", write(root, entries), *command)
    assert finished.code == 0
    assert json.loads(finished.out)["scores"]["segm"]["ap"] == before["scores"]["segm"]["ap"]
    assert before["scores"]["segm"]["ap"] == pytest.approx(100)


def test_annotations_with_float_ids(run_cli: RunCli, root: Path) -> None:
    results = write(root, masks_of(root))

    def edit(content: Json) -> None:
        for entry in [*content["images"], *content["annotations"], *content["categories"]]:
            entry["id"] = float(entry["id"])
        for entry in content["annotations"]:
            as_floats(entry)

    change_annotations(root, edit)
    finished = run_cli("score", results, "--dataset", "coco", "--data-root", root)
    assert finished.code == 0
    assert "AP 100.000 100.000 " in " ".join(finished.out.split())


def test_the_protocol_is_named_and_decides(run_cli: RunCli, root: Path) -> None:
    """Of three objects of one class in an image, one detection finds one."""

    def one_class(content: Json) -> None:
        for annotation in content["annotations"]:
            annotation["category_id"] = 1
        del content["annotations"][-1]  # the crowd

    change_annotations(root, one_class)
    results = write(root, perfect_results(read_annotations(root)))
    command = ("score", results, "--dataset", "coco", "--data-root", root)
    finished = run_cli(*command)
    shown = " ".join(finished.out.split())
    assert "AR at 1 33.333 AR at 10 100.000 AR at 100 100.000 AR small 100.000" in shown
    assert "protocol coco: recall at 1, 10 and 100 detections per image and class" in finished.out
    content = json.loads(run_cli(*command, "--format", "json").out)
    assert content["protocol"] == {"name": "coco", "max_dets": [1, 10, 100]}
    assert content["scores"]["bbox"]["ar_1"] == pytest.approx(100 / 3)
    assert "ar_300" not in content["scores"]["bbox"]
    finished = run_cli(*command, "--protocol", "mmdet")
    shown = " ".join(finished.out.split())
    assert "AR at 100 100.000 AR at 300 100.000 AR at 1000 100.000 AR small" in shown
    assert "protocol mmdet: recall at 100, 300 and 1000 detections" in finished.out
    content = json.loads(run_cli(*command, "--protocol", "mmdet", "--format", "json").out)
    assert content["protocol"] == {"name": "mmdet", "max_dets": [100, 300, 1000]}
    assert run_cli(*command, "--protocol", "voc").code == 2


def test_damage_at_random_is_scored_or_explained(tmp_path: Path) -> None:
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([*sys.path, str(tests), str(tests.parent / "tools")])
    child = subprocess.run(
        [sys.executable, tests / "support" / "coco_damage.py", tmp_path, "1", str(NUM_DAMAGED)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    runs = [json.loads(line) for line in child.stdout.splitlines()]
    ends = [run for run in runs if "code" in run]
    assert len(ends) == NUM_DAMAGED
    for run in ends:
        assert run["code"] in (0, 2, 3), run
        assert "Traceback" not in run["written"], run
        if run["code"] != 0:
            assert run["written"], run
    codes = Counter(run["code"] for run in ends)
    assert codes[0] > NUM_DAMAGED / 10
    assert codes[3] > NUM_DAMAGED / 4
