"""What time says of lower precisions on the demo's trained networks, against plain loops."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from rows import detection_protocol, load_detector, load_segmentor
from support.fewer import STEP
from support.trees import RunCli
from torch import Tensor, nn
from torch.nn import functional as F

import hrnet_zoo.demo
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.demo import trained
from hrnet_zoo.demo.trained import TrainedNetworks
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol, cropped_image
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.detection.protocol import detect, to_image_detections
from hrnet_zoo.timing.observations import Agreement, TrainedFigure
from hrnet_zoo.timing.variants import Recipe
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

CPU = torch.device("cpu")
SCENES = hrnet_zoo.demo.DATA_ROOT / "scenes"
SEGMENTOR, DETECTOR, CLASSIFIER = load_zoo(hrnet_zoo.demo.MANIFEST).rows
FIGURE = TrainedFigure(
    precision="bf16",
    network="small",
    num_images=36,
    metric="miou",
    fp32=81.5875,
    lower=81.5855,
    agreement=Agreement(share=0.99916, num_compared=1000, largest_logit_difference=0.3),
)
SMALL = ("--scale", "96x64", "--device", "cpu", "--threads", 1, "--limit-seconds", 0.2)
REAL = ("fcn_hr18s_512x1024_40k_cityscapes", "fcn_hr18s_512x512_20k_voc12aug")

OBJECTS = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes_objects" / "val").rglob("*.png"))[::STEP]


def weights(row: Row) -> Path:
    assert row.checkpoint_url is not None
    return hrnet_zoo.demo.MANIFEST.parent / row.checkpoint_url


def rgb(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path).convert("RGB"))


# --- a segmentor


def plain_labels(model: Segmentor, dtype: torch.dtype) -> list[NDArray[np.int64]]:
    """Label every image of the demo, without anything between the network and the files."""
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    found = []
    for path in sorted((SCENES / "leftImg8bit").rglob("*.png"))[::STEP]:
        pixels = ((rgb(path) - mean) / std).astype(np.float32)
        x = torch.from_numpy(pixels.transpose(2, 0, 1)[None]).to(dtype)
        with torch.inference_mode():
            coarse = model.coarse_logits(x.contiguous(memory_format=torch.channels_last)).float()
        logits = F.interpolate(coarse, size=pixels.shape[:2], mode="bilinear")
        found.append(logits.argmax(1)[0].numpy())
    return found


def plain_miou(labels: Sequence[NDArray[np.int64]]) -> float:
    truths = [
        np.asarray(Image.open(path))
        for path in sorted((SCENES / "gtFine").rglob("*_labelTrainIds.png"))[::STEP]
    ]
    truth, ours = np.stack(truths).ravel(), np.stack(labels).ravel()
    ours, truth = ours[truth != 255], truth[truth != 255]
    ious = [
        ((truth == c) & (ours == c)).sum() / ((truth == c) | (ours == c)).sum() for c in range(7)
    ]
    return float(100 * np.mean(ious))


@pytest.mark.usefixtures("fewer_images")
def test_a_segmentor_in_bf16_is_what_a_plain_loop_makes_of_it() -> None:
    (figure,) = TrainedNetworks().figures("segmentation", ["bf16"], CPU, Silent())
    model = load_segmentor(SEGMENTOR, weights(SEGMENTOR), CPU)
    half = folded(model).to(memory_format=torch.channels_last).to(torch.bfloat16)
    full, lower = plain_labels(model, torch.float32), plain_labels(half, torch.bfloat16)
    assert figure.fp32 == pytest.approx(plain_miou(full), abs=2e-3)
    assert figure.lower == pytest.approx(plain_miou(lower), abs=2e-4)
    assert figure.lower != figure.fp32
    assert figure.agreement.num_compared == 4 * 180 * 270
    share = float(np.mean(np.stack(full) == np.stack(lower)))
    assert figure.agreement.share == pytest.approx(share, abs=1e-5)
    assert 0.99 < share < 1
    assert (figure.network, figure.num_images) == (SEGMENTOR.name, 4)


# --- a detector


class Half(nn.Module):
    """A part of a network in bf16, its maps in float32."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part.to(torch.bfloat16)

    def forward(self, x: Tensor | list[Tensor]) -> list[Tensor]:
        given = [x] if isinstance(x, Tensor) else x
        halves = [one.bfloat16() for one in given]
        return [m.float() for m in self.part(halves[0] if isinstance(x, Tensor) else halves)]


def plain_detections(truth: COCO, *, half: bool) -> dict[int, ImageDetections]:
    model = cast("Detector", load_detector(DETECTOR, weights(DETECTOR), CPU).model)
    if half:
        model = folded(model).to(memory_format=torch.channels_last)
        for part in ("backbone", "neck"):
            setattr(model, part, Half(model.get_submodule(part)))
    protocol = detection_protocol(DETECTOR, with_masks=False)
    found = {}
    for image in truth.dataset["images"][::STEP]:
        (path,) = SCENES.rglob(image["file_name"])
        pixels = cv2.resize(rgb(path), protocol.scale, interpolation=cv2.INTER_LINEAR)
        size = (image["height"], image["width"])
        raw = detect(model, np.asarray(pixels, np.uint8), protocol, size=size, device=CPU)
        found[image["id"]] = to_image_detections(raw, size)
    return found


def plain_ap(truth: COCO, found: dict[int, ImageDetections]) -> float:
    categories = sorted(truth.cats)
    entries = [
        {
            "image_id": image_id,
            "category_id": categories[label],
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": score,
        }
        for image_id, one in found.items()
        for box, score, label in zip(
            one.boxes.tolist(), one.scores.tolist(), one.labels.tolist(), strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(truth, truth.loadRes(entries), "bbox")
        evaluation.params.imgIds = list(found)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(100 * evaluation.stats[0])


def plain_matches(a: ImageDetections, b: ImageDetections) -> int:
    free, matches = list(range(len(b.labels))), 0
    for box, score, label in zip(a.boxes, a.scores, a.labels, strict=True):
        near = [
            i
            for i in free
            if b.labels[i] == label
            and abs(float(b.scores[i]) - float(score)) <= 1e-3
            and (iou(b.boxes[i], box) >= 0.99 or abs(b.boxes[i] - box).max() <= 0.05)
        ]
        if near:
            matches += 1
            free.remove(max(near, key=lambda i: iou(b.boxes[i], box)))
    return matches


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = max(float(width), 0) * max(float(height), 0)
    areas = [float(np.prod(box[2:] - box[:2], dtype=np.float64)) for box in (a, b)]
    return common / (sum(areas) - common)


@pytest.mark.usefixtures("fewer_images")
def test_a_detector_in_bf16_is_what_a_plain_loop_makes_of_it() -> None:
    (figure,) = TrainedNetworks().figures("detection", ["bf16"], CPU, Silent())
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(next(SCENES.rglob("*.json")))
    full, lower = (plain_detections(truth, half=half) for half in (False, True))
    assert figure.fp32 == pytest.approx(plain_ap(truth, full), abs=2e-3)
    assert figure.lower == pytest.approx(plain_ap(truth, lower), abs=2e-3)
    assert abs(figure.lower - figure.fp32) > 0.01
    longer = sum(max(len(full[i].labels), len(lower[i].labels)) for i in full)
    matches = sum(plain_matches(full[i], lower[i]) for i in full)
    assert figure.agreement.num_compared == longer
    assert figure.agreement.share == pytest.approx(matches / longer, abs=5e-3)
    assert 0.5 < matches / longer < 1


# --- a classifier


def plain_classes(model: nn.Module, dtype: torch.dtype) -> list[int]:
    protocol = ClassificationProtocol.of(cast("ClassificationSetup", CLASSIFIER.setup))
    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    found = []
    for path in OBJECTS:
        pixels = ((cropped_image(rgb(path), protocol) - mean) / std).astype(np.float32)
        x = torch.from_numpy(pixels.transpose(2, 0, 1)[None]).to(dtype)
        with torch.inference_mode():
            logits = model(x.contiguous(memory_format=torch.channels_last))
        found.append(int(logits.argmax()))
    return found


@pytest.mark.usefixtures("fewer_images")
def test_a_classifier_in_bf16_is_what_a_plain_loop_makes_of_it() -> None:
    (figure,) = TrainedNetworks().figures("classification", ["bf16"], CPU, Silent())
    model = load_detector(CLASSIFIER, weights(CLASSIFIER), CPU).model
    half = folded(model).to(memory_format=torch.channels_last).to(torch.bfloat16)
    full, lower = plain_classes(model, torch.float32), plain_classes(half, torch.bfloat16)
    names = sorted({path.parent.name for path in OBJECTS})
    truth = [names.index(path.parent.name) for path in OBJECTS]
    top1 = [100 * float(np.mean(np.equal(found, truth))) for found in (full, lower)]
    assert (figure.metric, figure.num_images) == ("top1", 27)
    assert [figure.fp32, figure.lower] == pytest.approx(top1)
    assert figure.agreement.num_compared == 27
    assert figure.agreement.share == pytest.approx(float(np.mean(np.equal(full, lower))))


# --- in the output and in the record


class Counted:
    """Stands for the work on a task's network, and counts it."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[tuple[str, ...]] = []
        self._error = error

    def __call__(self, _row: Row, _device: torch.device) -> Counted:
        return self

    def figures(self, recipes: Sequence[Recipe]) -> list[TrainedFigure]:
        self.calls.append(tuple(recipe.precision for recipe in recipes))
        if self._error is not None:
            raise self._error
        return [FIGURE.model_copy(update={"precision": recipe.precision}) for recipe in recipes]


ALONE = ("--output", "records", "--processes", 1)


def time_bf16(run_cli: RunCli, *options: Any, rows: Sequence[str] = REAL) -> Any:
    finished = run_cli("time", *rows, *SMALL, *ALONE, *options)
    assert finished.code == 0, finished.err
    return finished


def test_lower_precision_is_said_with_every_row_and_found_out_once(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted()
    monkeypatch.setattr(trained, "_Trained", counted)
    precisions = ("--precision", "bf16", "--precision", "fp32")
    text = time_bf16(run_cli, *precisions).out
    line = (
        "bf16 on trained weights (small, 36 images): 99.9160% of the labels as in FP32, "
        "mIoU 81.585 against 81.588, -0.002 points\n"
    )
    assert text.count(line) == 2
    assert counted.calls == [("bf16",)]
    assert [record.trained for record in read_records(Path("records"), TimingRecord)] == [
        [FIGURE],
        [FIGURE],
    ]

    (row,) = json.loads(time_bf16(run_cli, *precisions, "--format", "json", rows=REAL[:1]).out)
    (said,) = row["trained"]
    assert said == {
        "precision": "bf16", "network": "small", "images": 36, "agreement": 0.99916,
        "metric": "miou", "fp32": 81.5875, "lower": 81.5855,
        "difference": pytest.approx(-0.002),
    }  # fmt: skip


def test_without_lower_precision_nothing_is_found_out(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted()
    monkeypatch.setattr(trained, "_Trained", counted)
    assert "trained weights (" not in time_bf16(run_cli).out
    # TF32 that could not be timed is nothing to say more about, nor is a run without variants.
    run_cli("time", REAL[0], *SMALL, *ALONE, "--precision", "bf16", "--aa", 1)
    if not torch.cuda.is_available():
        run_cli("time", REAL[0], *SMALL, *ALONE, "--precision", "tf32")
    assert counted.calls == []


def test_latencies_are_kept_where_the_demo_cannot_be_run(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "_Trained", Counted(PrerequisiteError("no memory is left.")))
    finished = time_bf16(run_cli, "--precision", "bf16")
    assert "what bf16 does to a trained network is not known: no memory is left." in finished.err
    records = list(read_records(Path("records"), TimingRecord))
    assert [record.trained for record in records] == [[], []]
    assert all(record.variants[1].seconds for record in records)
