"""predict and --worst: the pictures, the label maps and the shares."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from support.accuracy import read_record
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.pictures import colourise, comparison, errors, legend_of, overlay, palette_png
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
from hrnet_zoo.tasks.segmentation.scorer import Scorer
from hrnet_zoo.zoo.manifest import load_zoo

ROW = load_zoo(MANIFEST).rows[0]
SCENES = sorted((DATA_ROOT / "scenes" / "leftImg8bit" / "val").rglob("*.png"))
PALETTE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for i, place in enumerate(("a", "b")):
        (folder / place).mkdir(parents=True)
        shutil.copy(SCENES[i], folder / place / "scene.png")
    (folder / "notes.txt").touch()
    return folder


def test_predict_writes_labels_and_pictures(tmp_path: Path, photos: Path, run_cli: RunCli) -> None:
    out = tmp_path / "seen"
    finished = run_cli(
        "predict", ROW.name, photos, "--zoo", MANIFEST, "--out", out, "--format", "json"
    )
    items = json.loads(finished.out)
    assert finished.code == 0
    assert [Path(item["image"]) for item in items] == [photos / p / "scene.png" for p in "ab"]
    predictor = load_predictor(ROW, MANIFEST.parent, checkpoint=None, device="cpu")
    assert isinstance(predictor, SegmentationPredictor)
    for item in items:
        expected = predictor.predict(item["image"])
        with Image.open(item["labels"]) as labels:
            assert labels.mode == "P"
            assert np.array_equal(np.asarray(labels), expected.labels)
            tree = expected.class_names.index("tree")
            assert (
                tuple((labels.getpalette() or [])[3 * tree : 3 * tree + 3])
                == expected.palette[tree]
            )
        with Image.open(item["picture"]) as picture:
            assert picture.width >= 270
        assert (item["height"], item["width"]) == (180, 270)
        assert sum(item["classes"].values()) == pytest.approx(1)
        road = (expected.labels == expected.class_names.index("road")).mean()
        assert item["classes"]["road"] == pytest.approx(road)
        assert list(item["classes"].values()) == sorted(item["classes"].values(), reverse=True)


def test_files_patterns_and_protocols(tmp_path: Path, photos: Path, run_cli: RunCli) -> None:
    pattern = str(photos / "*" / "*.png")
    finished = run_cli(
        "predict", ROW.name, pattern, photos / "a" / "scene.png", "--zoo", MANIFEST,
        "--out", tmp_path / "seen", "--protocol", "ms_flip", "--alpha", "1",
    )  # fmt: skip
    assert finished.code == 0
    assert len(finished.out.splitlines()) == 2, "an image named twice is labelled once"
    assert len(list((tmp_path / "seen").glob("*_overlay.png"))) == 2, "two files of one name"


def test_a_damaged_image_does_not_stop_the_others(
    tmp_path: Path, photos: Path, run_cli: RunCli
) -> None:
    (photos / "a" / "broken.jpg").write_bytes(b"no image")
    finished = run_cli("predict", ROW.name, photos, "--zoo", MANIFEST, "--out", tmp_path / "seen")
    assert finished.code == 3
    assert "broken.jpg cannot be decoded" in finished.err
    assert finished.err.count("broken.jpg") == 1
    assert len(finished.out.splitlines()) == 2


@pytest.mark.parametrize("image", ["none.png", "*.png", ".", ""])
def test_nothing_to_label_is_wrong_usage(run_cli: RunCli, image: str) -> None:
    finished = run_cli("predict", ROW.name, image, "--zoo", MANIFEST)
    assert finished.code == 2
    assert "matches no image" in finished.err


def test_other_kinds_of_images(tmp_path: Path, run_cli: RunCli) -> None:
    """Grey, 16-bit, transparent and turned images are read as upstream reads them."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (60, 90)).astype(np.uint8)
    Image.fromarray(grey).save(folder / "grey.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(folder / "deep.png")
    Image.fromarray(grey).convert("RGBA").save(folder / "clear.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey).convert("RGB").save(folder / "turned.jpg", exif=exif)
    finished = run_cli(
        "predict",
        ROW.name,
        folder,
        "--zoo",
        MANIFEST,
        "--out",
        tmp_path / "out",
        "--format",
        "json",
    )
    sizes = {Path(i["image"]).name: (i["height"], i["width"]) for i in json.loads(finished.out)}
    assert finished.code == 0
    assert sizes == {
        "grey.png": (60, 90),
        "deep.png": (60, 90),
        "clear.png": (60, 90),
        "turned.jpg": (90, 60),
    }
    outputs = [
        np.asarray(Image.open(tmp_path / "out" / f"{n}_labels.png"))
        for n in ("grey", "deep", "clear")
    ]
    assert np.array_equal(outputs[0], outputs[1])
    assert np.array_equal(outputs[0], outputs[2])


def test_worst_images_are_those_with_the_lowest_miou(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli(
        "verify", ROW.name, "--zoo", MANIFEST, "--data-root", DATA_ROOT,
        "--output", tmp_path / "records", "--worst", "3",
    )  # fmt: skip
    assert finished.code == 0
    (record,) = (tmp_path / "records").glob("*/*.json")
    pictures = sorted(record.with_suffix(".worst").iterdir())
    assert len(pictures) == 3
    predictor = load_predictor(ROW, MANIFEST.parent, checkpoint=None, device="cpu")
    assert isinstance(predictor, SegmentationPredictor)
    mious = {}
    for path in SCENES:
        label_path = str(path).replace("leftImg8bit/val", "gtFine/val")
        label = np.asarray(
            Image.open(label_path.replace("leftImg8bit.png", "gtFine_labelTrainIds.png"))
        )
        prediction = predictor.predict(path).labels
        ious = []
        for c in range(7):
            known = label != 255
            union = (((prediction == c) | (label == c)) & known).sum()
            if union:
                ious.append(((prediction == c) & (label == c)).sum() / union)
        mious[path.name.removesuffix("_leftImg8bit.png")] = np.mean(ious)
    expected = sorted(mious, key=lambda name: mious[name])[:3]
    assert [picture.stem.partition("_")[2].partition("_")[2] for picture in pictures] == expected
    with Image.open(pictures[0]) as picture:
        assert picture.width > 4 * 270
    assert read_record(record).status == "completed"


def test_error_picture_marks_wrong_and_ignored_pixels() -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    label = np.array([[0, 1, 255]], np.uint8)
    prediction = np.array([[0, 2, 1]], np.uint8)
    right, wrong, ignored = np.asarray(errors(image, label, prediction))[0].tolist()
    assert right[0] == right[1] == right[2]
    assert wrong[0] > 200 > wrong[1]
    assert ignored == [0, 0, 0]


def test_overlay_blends() -> None:
    image = np.zeros((1, 1, 3), np.uint8)
    label = np.array([[1]], np.uint8)
    for alpha, green in ((0.0, 0), (0.5, 127), (1.0, 255)):
        assert np.asarray(overlay(image, label, PALETTE, alpha))[0, 0].tolist() == [0, green, 0]


def test_palette_image_keeps_indices() -> None:
    label = np.array([[0, 2], [1, 1]], np.uint8)
    made = palette_png(label, PALETTE)
    assert np.array_equal(np.asarray(made), label)
    assert made.convert("RGB").getpixel((1, 0)) == (0, 0, 255)


def test_legend_names_what_is_there_and_titles_stay_in_their_panels() -> None:
    label = np.array([[0, 2, 255]], np.uint8)
    legend = legend_of(["a", "b", "c"], PALETTE, label)
    assert legend == [("a", PALETTE[0]), ("c", PALETTE[2])]
    panel = colourise(np.zeros((40, 60), np.uint8), PALETTE)
    picture = np.asarray(comparison([("x" * 200, panel), ("", panel)], legend))
    second_title = picture[:24, 12 + 60 + 12 :]
    assert (second_title == 255).all()


def test_results_that_are_kept_hold_nothing_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[tuple[int, ...]] = []

    class OnAGpu(torch.Tensor):
        def cpu(self, *given: Any) -> torch.Tensor:
            fetched.append(tuple(self.shape))
            return super().cpu(*given).as_subclass(torch.Tensor)

    scores = Scorer.scores
    monkeypatch.setattr(
        Scorer,
        "scores",
        lambda *given: scores(*given).as_subclass(OnAGpu),
    )
    predictor = load_predictor(ROW, MANIFEST.parent, checkpoint=None, device="cpu")
    assert isinstance(predictor, SegmentationPredictor)
    result = predictor.predict(SCENES[0])
    classes = len(result.class_names)
    assert fetched == [(180, 270), (classes, 180, 270)]
    assert result.probabilities.shape == (classes, 180, 270)
