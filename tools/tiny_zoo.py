"""A zoo in the demo's layout whose networks tell colours apart in no time, and its images.

Rows, files and data sets have the demo's names, so that all commands take it; only the networks
that its architectures stand for are others. Objects are of the colours of their classes, so that
channels, normalisation, labels, sizes and weights matter as they do to real networks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo import demo, models
from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.segmentor import Segmentor

_COLOURS = np.array(
    [
        [200, 90, 60],
        [160, 150, 40],
        [110, 50, 30],
        [235, 190, 150],
        [60, 60, 60],
        [140, 190, 230],
        [80, 130, 50],
    ],
    np.float64,
)
"""Of classes: some differ in hue, some in brightness, so that no renaming undoes other inputs."""
_BACKGROUND = 4
"""The first class that no box is drawn around: as many are things."""
_MEAN, _STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
_STRIDE = 4
_TINT = 20
"""How far the colours of an object are from those of its class: some are mistaken."""
_SIZE = (64, 96)
_LEAST_SCORE = 0.02


class _Body(nn.Module):
    """A convolution and a BatchNorm that leave pixels as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 3, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(3)

    def forward(self, image: Tensor) -> Tensor:
        """Return the pixels as they are, coarser."""
        return F.avg_pool2d(self.bn1(self.conv1(image)), _STRIDE, ceil_mode=True)


def _nearest(num_classes: int, order: slice) -> nn.Conv2d:
    """Return what is largest for the class whose colour, normalised, is nearest."""
    colours = torch.tensor(((_COLOURS - _MEAN) / _STD)[:num_classes, order].copy()).float()
    layer = nn.Conv2d(3, num_classes, 1)
    layer.weight.data = 2 * colours[:, :, None, None]
    assert layer.bias is not None
    layer.bias.data = -colours.square().sum(dim=1)
    return layer


class TinySegmentor(Segmentor):
    """Gives every pixel the class whose colour is nearest."""

    def __init__(self, _: str, num_classes: int) -> None:
        super().__init__()
        self.backbone = _Body()
        self.conv_seg = nn.Conv2d(3, num_classes, 1)

    def coarse_logits(self, image: Tensor) -> Tensor:
        """Return what is largest for the nearest colour."""
        return self.conv_seg(self.backbone(image))  # type: ignore[no-any-return]

    @property
    def classifier(self) -> nn.Conv2d:
        """Return the last convolution."""
        return self.conv_seg


class TinyClassifier(Classifier):
    """Looks at the upper half alone."""

    def __init__(self, _: str, num_classes: int, __: object) -> None:
        super().__init__()
        self.backbone = _Body()
        self.head = nn.Conv2d(3, num_classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return what is largest for the nearest colour."""
        x = self.backbone(image)
        upper = x[:, :, : x.shape[2] // 2].mean(dim=(2, 3), keepdim=True)
        return self.head(upper).flatten(1)  # type: ignore[no-any-return]


class TinyDetector(Detector):
    """Draws boxes around spots of one colour; the surer, the nearer the colour is."""

    def __init__(self, _: str, num_classes: int, __: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.backbone = _Body()
        self.head = nn.Conv2d(3, len(_COLOURS), 1)

    def dense(self, image: Tensor) -> Tensor:
        """Return what is largest for the nearest colour."""
        return self.head(self.backbone(image))  # type: ignore[no-any-return]

    def detections(
        self,
        dense: Tensor,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool,  # noqa: ARG002
    ) -> Detections:
        """Return the spots of one colour; masks there are none."""
        scores = dense[0].softmax(dim=0)
        best = scores.argmax(dim=0).numpy()
        found: list[tuple[float, int, list[float]]] = []
        for label in range(self.num_classes):
            spots, _ = ndimage.label(best == label)
            for number, place in enumerate(ndimage.find_objects(spots), 1):
                inside = torch.from_numpy(spots[place] == number)
                score = float(scores[label][place][inside].mean()) ** 2
                y, x = place
                box = [float(_STRIDE * side) for side in (x.start, y.start, x.stop, y.stop)]
                if score > max(score_threshold, _LEAST_SCORE):
                    found.append((score, label, box))
        found.sort(key=lambda each: -each[0])
        scale = torch.tensor(geometry.scale_factors * 2)
        return Detections(
            boxes=torch.tensor([box for _, _, box in found]).reshape(-1, 4) / scale,
            scores=torch.tensor([score for score, _, _ in found]).float(),
            labels=torch.tensor([label for _, label, _ in found]).long(),
        )

    def run_all_parts(self, image: Tensor) -> object:
        """Compute what does not depend on values."""
        return self.dense(image)


@contextmanager
def tiny_networks() -> Iterator[None]:
    """Let the demo's architectures stand for tiny networks for a while."""
    kind = models.DetectorKind(build=TinyDetector, has_regions=False)
    with (
        patch.dict(models.SEGMENTORS, {"fcn_hrnet": TinySegmentor}),
        patch.dict(models.CLASSIFIERS, {"hrnet_classifier": TinyClassifier}),
        patch.dict(models.DETECTORS, {"fcos_hrnet": kind}),
    ):
        yield


def tiny_zoo(folder: Path) -> Path:
    """Write the zoo with its checkpoints and data; all rows document 50.00."""
    rng = np.random.default_rng(3)
    content = yaml.safe_load(demo.MANIFEST.read_text(encoding="utf-8"))
    (folder / "checkpoints").mkdir(parents=True)
    for row in content["rows"]:
        row["printed"] |= dict.fromkeys({"miou", "box_ap", "top1"} & row["printed"].keys(), "50.00")
        row["checkpoint_url"] = _checkpoint(folder, row)
    by_name = {row["setup"]["dataset"]: row["setup"] for row in content["rows"]}
    for name in ("scenes", "scenes_boxes"):
        by_name[name]["test"]["scale"] = list(_SIZE[::-1])
    by_name["scenes_boxes"]["test"]["size_divisor"] = _STRIDE
    (folder / "zoo.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    _write_scenes(folder / "data" / "scenes", rng)
    _write_objects(folder / "data" / "scenes_objects" / "val", rng)
    return folder


def document(folder: Path, value_of: Callable[[str], tuple[str, float]]) -> None:
    """Document what rows reach.

    Args:
        folder: of `tiny_zoo`.
        value_of: from a row's name to its metric and the value that was measured.
    """
    path = folder / "zoo.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in content["rows"]:
        metric, value = value_of(row["name"])
        row["printed"][metric] = f"{value:.2f}"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _checkpoint(folder: Path, row: Mapping[str, Any]) -> str:
    setup = row["setup"]
    num_classes = setup["num_classes"]
    order = slice(None, None, -1 if setup["normalisation"]["channel_order"] == "bgr" else 1)
    made: dict[str, tuple[nn.Module, str]] = {
        "fcn_hrnet": (TinySegmentor("", num_classes), "conv_seg"),
        "fcos_hrnet": (TinyDetector("", num_classes, 0), "head"),
        "hrnet_classifier": (TinyClassifier("", num_classes, ()), "head"),
    }
    model, head = made[setup["architecture"]]
    setattr(model, head, _nearest(getattr(model, head).out_channels, order))
    body: Any = model.backbone
    body.conv1.weight.data = torch.eye(3)[:, :, None, None]
    path = folder / "checkpoints" / "new.pth"
    torch.save({"state_dict": model.eval().state_dict()}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"{row['name']}_20260101-{digest[:8]}.pth"
    path.rename(path.with_name(name))
    return f"checkpoints/{name}"


def _coloured(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return an image of labels in the colours of their classes, with noise."""
    return _COLOURS[labels] + rng.normal(0, 10, (*labels.shape, 3))


def _write_scenes(root: Path, rng: np.random.Generator) -> None:
    """Write images of blocks, their labels, and boxes around those blocks that are things."""
    height, width = _SIZE
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(1, DATASETS["scenes"].num_images + 1):
        labels = np.full(_SIZE, _BACKGROUND)
        labels[: height // 3] = _BACKGROUND + 1 + number % 2
        tints = np.zeros((*_SIZE, 3))
        for place in range(6):
            y, x = 4 + 30 * (place // 3), 4 + 30 * (place % 3)
            h, w = (4 * int(side) for side in rng.integers(3, 6, 2))
            label = int(rng.integers(4))
            spot = (slice(y, y + h), slice(x, x + w))
            labels[spot] = label
            tints[spot] = rng.normal(0, _TINT, 3)
            box = [x, y, w, h]
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": label + 1}
            annotations.append(entry | {"bbox": box, "area": w * h, "iscrowd": 0})
        stem = f"town/town_{number:06d}_000019"
        name = f"{stem}_leftImg8bit.png"
        images.append({"id": number, "file_name": name, "height": height, "width": width})
        _save(root / "leftImg8bit" / "val" / name, _coloured(labels, rng) + tints)
        _save(root / "gtFine" / "val" / f"{stem}_gtFine_labelTrainIds.png", labels)
    names = DATASETS["scenes_boxes"].classes.names
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path = root / "annotations" / "instances_val.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content), encoding="utf-8")


def _write_objects(root: Path, rng: np.random.Generator) -> None:
    """Write images whose upper half is of the class's colour, the lower one of another's."""
    for label, name in enumerate(("car", "house", "person", "tree")):
        for number in range(60):
            labels = np.full((48, 36), label)
            labels[24:] = (label + 1 + number % 3) % 4
            labels[15:33, 10:26] = rng.integers(4)  # what a small crop sees
            pixels = _coloured(labels, rng) + rng.normal(0, _TINT, 3)
            _save(root / name / f"{name}_{number:03d}.png", pixels)


def _save(path: Path, values: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.clip(values, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, compress_level=1)
