"""Detections of many images: their lists, their pictures, and what is said about them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pasting import coco_rle
from PIL import Image

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.system.image_files import find_images
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor, DetectionResult
from hrnet_zoo.tasks.options import LookOptions
from hrnet_zoo.tasks.pictures import Colour
from hrnet_zoo.tasks.predictor import SeenImage, see_images
from hrnet_zoo.zoo.manifest import load_zoo

SCENES = sorted((DATA_ROOT / "scenes" / "leftImg8bit" / "val").rglob("*.png"))


CLASS_NAMES = ("person", "car", "Straßenbahn")
PALETTE: tuple[Colour, ...] = ((220, 20, 60), (0, 0, 142), (0, 80, 100))


class FixedPredictor(DetectionPredictor):
    """Finds a car, two trams and, unsure, a person in every image."""

    def __init__(self, *, with_masks: bool) -> None:
        self.name = load_zoo(MANIFEST).rows[0].name
        self.with_masks = with_masks

    def predict(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        scale: tuple[int, int] | None = None,  # noqa: ARG002 - of no consequence here
    ) -> DetectionResult:
        assert isinstance(image, np.ndarray)
        height, width = image.shape[:2]
        boxes = np.array(
            [[10, 20, 60, 50], [100.25, 5, 140, 90.123], [0, 0, width, height], [5, 5, 9, 9]],
            np.float32,
        )
        masks = np.zeros((4, height, width), bool)
        for mask, (left, top, right, bottom) in zip(masks, boxes.round().astype(int), strict=True):
            mask[top:bottom, left:right] = True
        return DetectionResult(
            boxes=boxes,
            scores=np.array([0.95, 0.8, 0.6, 0.3], np.float32),
            labels=np.array([2, 1, 2, 0]),
            masks=[coco_rle(mask) for mask in masks] if self.with_masks else None,
            class_names=CLASS_NAMES,
            palette=PALETTE,
        )


def detect(
    given: Path, out: Path, *, with_masks: bool = True, score_threshold: float = 0.3
) -> list[SeenImage]:
    options = LookOptions(folder=out, score_threshold=score_threshold, alpha=0.5)
    predictor = FixedPredictor(with_masks=with_masks)
    return see_images(predictor, find_images([str(given)]), options, Silent())


@pytest.mark.parametrize("with_masks", [True, False])
def test_lists_and_pictures_are_written(tmp_path: Path, with_masks: bool) -> None:
    (detected,) = detect(SCENES[0], tmp_path / "out", with_masks=with_masks)
    pixels = np.asarray(Image.open(SCENES[0]).convert("RGB"))
    result = FixedPredictor(with_masks=with_masks).predict(pixels)
    detections, picture = detected.files["detections"], detected.files["picture"]
    assert detections == tmp_path / "out" / f"{SCENES[0].stem}_detections.json"
    listed = json.loads(detections.read_text(encoding="utf-8"))
    assert (listed["height"], listed["width"]) == pixels.shape[:2] == (180, 270)
    objects = listed["detections"]
    assert [o["name"] for o in objects] == ["Straßenbahn", "car", "Straßenbahn"]
    assert [o["label"] for o in objects] == [2, 1, 2]
    assert [o["score"] for o in objects] == [0.95, 0.8, 0.6]
    assert objects[1]["box"] == [100.25, 5, 140, 90.123]
    if with_masks:
        assert result.masks is not None
        expected = decode_masks(result.masks[:3])
        assert np.array_equal(decode_masks([o["mask"] for o in objects]), expected)
    else:
        assert [o["mask"] for o in objects] == [None] * 3
    assert picture == tmp_path / "out" / f"{SCENES[0].stem}_overlay.png"
    kept = ImageDetections(
        boxes=result.boxes[:3],
        scores=result.scores[:3],
        labels=result.labels[:3],
        masks=result.masks[:3] if result.masks else None,
    )
    drawn = draw_detections(pixels, kept, result.class_names, result.palette, alpha=0.5)
    assert np.array_equal(np.asarray(Image.open(picture)), np.asarray(drawn))
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_what_is_said_about_an_image(tmp_path: Path) -> None:
    (detected,) = detect(SCENES[0], tmp_path)
    assert detected.as_text() == (
        f"{SCENES[0]}: 2 Straßenbahn, 1 car -> {tmp_path / SCENES[0].stem}_overlay.png"
    )
    assert detected.as_dict() == {
        "image": str(SCENES[0]),
        "height": 180,
        "width": 270,
        "classes": {"Straßenbahn": 2, "car": 1},
        "detections": f"{tmp_path / SCENES[0].stem}_detections.json",
        "picture": f"{tmp_path / SCENES[0].stem}_overlay.png",
        "error": None,
    }


def test_nothing_above_the_threshold_is_no_error(tmp_path: Path) -> None:
    (detected,) = detect(SCENES[0], tmp_path, score_threshold=0.95)
    assert "nothing found -> " in detected.as_text()
    detections = detected.files["detections"]
    assert detections is not None
    assert json.loads(detections.read_text())["detections"] == []
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / f"{SCENES[0].stem}_overlay.png")),
        np.asarray(Image.open(SCENES[0]).convert("RGB")),
    )


class SevenClasses(FixedPredictor):
    """Finds nine objects of the first class, and one fewer of each that follows."""

    def predict(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        scale: tuple[int, int] | None = None,
    ) -> DetectionResult:
        labels = np.repeat(np.arange(7), 9 - np.arange(7))
        return replace(
            super().predict(image, scale=scale),
            boxes=np.tile(np.array([5, 5, 9, 9], np.float32), (len(labels), 1)),
            scores=np.full(len(labels), 0.9, np.float32),
            labels=labels,
            class_names=tuple(f"class {i}" for i in range(7)),
            palette=((0, 0, 142),) * 7,
        )


def test_long_lists_of_classes_are_cut_short(tmp_path: Path) -> None:
    images, options = find_images([str(SCENES[0])]), LookOptions(folder=tmp_path)
    (seen,) = see_images(SevenClasses(with_masks=False), images, options, Silent())
    assert seen.as_text().endswith(f"4 class 5 ... -> {seen.files['picture']}")
    assert seen.classes == {f"class {i}": 9 - i for i in range(7)}


def test_a_damaged_image_does_not_stop_the_others(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"no image")
    shutil.copy(SCENES[1], photos / "b.png")
    broken, fine = detect(photos, tmp_path / "out")
    assert "a.jpg cannot be decoded" in broken.as_text()
    assert broken.as_dict()["picture"] is None
    assert fine.error is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "b_detections.json",
        "b_overlay.png",
    ]
