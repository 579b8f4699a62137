from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from support.coco_tree import Json, make_coco, perfect_results, read_annotations

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.coco_results import has_masks, read_results, result_entries, write_results
from hrnet_zoo.datasets.detections import ImageDetections, Rle
from hrnet_zoo.datasets.rle import encode_runs
from hrnet_zoo.errors import ResultsError
from hrnet_zoo.tasks.detection.coco_ap import coco_figures
from hrnet_zoo.tasks.detection.metrics import Kind

CATEGORY_IDS = of_kind(CocoInstances)["coco"].category_ids


def detections(*, masks: bool = False) -> ImageDetections:
    boxes = np.array([[0.1, 5.3, 30.7, 40.2], [60, 5, 100, 33.3], [1, 2, 3, 4.5]], np.float32)
    return ImageDetections(
        boxes=boxes,
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        labels=np.array([79, 0, 79]),
        masks=[rle(box) for box in boxes] if masks else None,
    )


def rle(box: NDArray[np.float32]) -> Rle:
    x1, y1, x2, y2 = np.rint(box).astype(int)
    mask = np.zeros((120, 160), np.uint8, order="F")
    mask[y1:y2, x1:x2] = 1
    return {"size": [120, 160], "counts": coco_masks.encode(mask)["counts"].decode()}


@pytest.fixture
def truth(tmp_path: Path) -> Json:
    return read_annotations(make_coco(tmp_path))


def test_entries_are_upstreams() -> None:
    entries = result_entries(139, detections(), CATEGORY_IDS)
    assert [entry["category_id"] for entry in entries] == [1, 90, 90]
    assert [entry["score"] for entry in entries] == [float(np.float32(s)) for s in (0.8, 0.9, 0.7)]
    first = entries[1]
    assert list(first) == ["image_id", "bbox", "score", "category_id"]
    x1, y1, x2, y2 = (float(np.float32(v)) for v in (0.1, 5.3, 30.7, 40.2))
    assert first["bbox"] == [x1, y1, x2 - x1, y2 - y1]
    # Differences in double precision: a float32 one would be another number.
    assert first["bbox"][2] != float(np.float32(30.7) - np.float32(0.1))


def test_masks_follow_their_boxes() -> None:
    found = detections(masks=True)
    assert found.masks is not None
    entries = result_entries(139, found, CATEGORY_IDS)
    assert [entry["segmentation"] for entry in entries] == [found.masks[i] for i in (1, 0, 2)]


def test_nothing_found_is_no_entries() -> None:
    empty = ImageDetections(
        boxes=np.zeros((0, 4), np.float32), scores=np.zeros(0, np.float32), labels=np.zeros(0, int)
    )
    assert result_entries(139, empty, CATEGORY_IDS) == []


@pytest.mark.parametrize("masks", [False, True])
def test_what_is_written_is_read(tmp_path: Path, truth: Json, masks: bool) -> None:
    entries = result_entries(139, detections(masks=masks), CATEGORY_IDS)
    path = tmp_path / "folder" / "results.json"
    write_results(path, entries)
    assert read_results(path, truth) == entries
    assert has_masks(entries) is masks
    assert [p.name for p in path.parent.iterdir()] == ["results.json"]


def test_an_earlier_file_is_replaced(tmp_path: Path, truth: Json) -> None:
    path = tmp_path / "results.json"
    write_results(path, result_entries(139, detections(), CATEGORY_IDS))
    write_results(path, [])
    assert read_results(path, truth) == []


@pytest.mark.parametrize("masks", [False, True])
def test_pycocotools_takes_the_file(tmp_path: Path, truth: Json, masks: bool) -> None:
    path = tmp_path / "results.json"
    write_results(path, result_entries(139, detections(masks=masks), CATEGORY_IDS))
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = copy.deepcopy(truth)
        reference.createIndex()
        loaded = reference.loadRes(str(path))
    assert len(loaded.getAnnIds(imgIds=[139])) == 3
    mask = loaded.annToRLE(loaded.loadAnns(loaded.getAnnIds(catIds=[1]))[0])
    assert mask["size"] == [120, 160]
    assert coco_masks.area(mask) == pytest.approx(40 * 28.3, rel=0.05)


@pytest.mark.parametrize("masks", [False, True])
def test_one_file_serves_boxes_and_masks(tmp_path: Path, truth: Json, masks: bool) -> None:
    path = tmp_path / "results.json"
    write_results(path, perfect_results(truth, masks=masks))
    entries = read_results(path, truth)
    ids = [image["id"] for image in truth["images"]]
    kinds: list[Kind] = ["bbox", "segm"] if masks else ["bbox"]
    for kind in kinds:
        figures = coco_figures(truth, entries, kind, image_ids=ids, protocol="coco")
        assert figures.ap == pytest.approx(100)


def test_entries_without_boxes_are_taken_if_they_have_masks(tmp_path: Path, truth: Json) -> None:
    path = tmp_path / "results.json"
    entries = perfect_results(truth, masks=True)
    for entry in entries:
        del entry["bbox"]
    write_results(path, entries)
    ids = [image["id"] for image in truth["images"]]
    figures = coco_figures(truth, read_results(path, truth), "segm", image_ids=ids, protocol="coco")
    assert figures.ap == pytest.approx(100)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not intact JSON"),
        ('[{"image_id": 139,', "is not intact JSON"),
        ("[" * 100_000, "is not intact JSON"),
        ("{}", "must hold a list of objects"),
        ('{"annotations": []}', "must hold a list of objects"),
        ("[3, {}]", r"has 1 of 2 entries that are not objects, e\.g\. no\. 1 3\."),
    ],
)
def test_other_files_are_refused(tmp_path: Path, truth: Json, content: str, said: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(ResultsError, match=said):
        read_results(path, truth)


def test_a_missing_file(tmp_path: Path, truth: Json) -> None:
    with pytest.raises(ResultsError, match=r"results\.json cannot be read"):
        read_results(tmp_path / "results.json", truth)


def put(key: str, value: object) -> Callable[[Json], object]:
    return lambda entry: entry.__setitem__(key, value)


def drop(key: str) -> Callable[[Json], object]:
    return lambda entry: entry.pop(key)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (drop("image_id"), 'without "image_id"'),
        (drop("score"), 'without "score"'),
        (drop("category_id"), 'without "category_id"'),
        (drop("bbox"), 'without the "bbox" that others have'),
        (drop("segmentation"), 'without the "segmentation" that others have'),
        (put("image_id", 140), "of unknown images"),
        (put("image_id", "139"), "of unknown images"),
        (put("image_id", [139]), "of unknown images"),
        (put("category_id", 12), "of unknown categories"),
        (put("category_id", 0), "of unknown categories"),
        (put("score", float("nan")), "whose score is not a number"),
        (put("score", "high"), "whose score is not a number"),
        (put("bbox", [1, 2, -3, 4]), "or a negative one"),
        (put("bbox", [1, 2, 3, float("inf")]), "whose bbox is not x, y, width and height"),
        (put("bbox", [1, 2, 3, 1e200]), "or beyond 1e9 pixels"),
        (put("bbox", [1, 2, 3]), "whose bbox is not x, y, width and height"),
        (put("segmentation", [[1, 2]]), "polygon no. 1 of the mask has 2 numbers"),
        (put("segmentation", {"size": [160, 120], "counts": "0"}), "the image's [120, 160]"),
        (put("segmentation", {"size": [120, 160], "counts": "0"}), "runs add up to 0 pixels"),
        (put("segmentation", []), 'without the "segmentation" that others have'),
        (put("score", 10**400), "whose score is not a number"),
        (put("image_id", 139.5), "of unknown images"),
        (put("image_id", True), "of unknown images"),
        (put("category_id", float("nan")), "of unknown categories"),
    ],
)
def test_bad_entries_are_counted_and_shown(
    tmp_path: Path, truth: Json, edit: Callable[[Json], object], said: str
) -> None:
    entries: list[Any] = perfect_results(truth, masks=True)[:3]
    edit(entries[1])
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(ResultsError) as refused:
        read_results(path, truth)
    assert "has 1 of 3 entries" in str(refused.value)
    assert said in str(refused.value)
    assert "no. 2 {" in str(refused.value)
    assert "'counts'" not in str(refused.value)


def test_what_other_tools_write_is_returned_in_one_form(tmp_path: Path, truth: Json) -> None:
    """As pycocotools takes it: ids from arrays of floats, and masks in three forms."""
    expected = perfect_results(truth, masks=True)[:3]
    polygons = [annotation["segmentation"] for annotation in truth["annotations"][:3]]
    height, width = expected[2]["segmentation"]["size"]
    entries = copy.deepcopy(expected)
    entries[0] |= {"image_id": float(entries[0]["image_id"]), "category_id": 1.0, "score": 1}
    entries[1] |= {"segmentation": polygons[1], "id": 7, "caption": "others take it for more"}
    entries[2]["segmentation"]["counts"] = [0, height * width]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    expected[0]["score"] = 1.0
    expected[2]["segmentation"] = encode_runs(
        np.array([0, height * width]), np.array([2]), (height, width)
    )[0]
    read = read_results(path, truth)
    assert read == expected
    assert [type(entry[key]) for entry in read for key in ("image_id", "category_id")] == [int] * 6


@pytest.mark.parametrize("mask", [[[1, 2]], {"size": [1, 1], "counts": "0"}, "text", 3])
def test_masks_that_are_not_wanted_are_not_looked_at(
    tmp_path: Path, truth: Json, mask: object
) -> None:
    entries = perfect_results(truth, masks=True)
    entries[1]["segmentation"] = mask
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    assert read_results(path, truth, with_masks=False) == perfect_results(truth)


def test_only_the_first_bad_entries_are_shown(tmp_path: Path, truth: Json) -> None:
    entries = perfect_results(truth)
    for entry in entries:
        entry["image_id"] = 5
    path = tmp_path / "results.json"
    path.write_text(json.dumps(entries))
    with pytest.raises(ResultsError, match=r"has 9 of 9 entries of unknown images") as refused:
        read_results(path, truth)
    assert str(refused.value).count("image_id") == 4


def test_what_is_no_number_is_not_written(tmp_path: Path) -> None:
    entries = result_entries(139, detections(), CATEGORY_IDS)
    entries[0]["bbox"][2] = float("nan")
    with pytest.raises(ResultsError, match="not a finite number"):
        write_results(tmp_path / "results.json", entries)
    assert not (tmp_path / "results.json").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="cannot be written"):
        write_results(tmp_path / "file" / "results.json", [])
