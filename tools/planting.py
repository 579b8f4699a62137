"""Plants causes of wrong numbers into a copy of the demo's zoo, or of another in its layout.

What a row documents stays what its network reaches on the data as they were.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.tasks.causes import Family

Pixels = NDArray[np.uint8]
Change = Callable[[Path, str], None]
"""Changes a zoo in a folder, for the row of a task."""

_IMAGES = {
    "segmentation": "data/scenes/leftImg8bit/val",
    "detection": "data/scenes/leftImg8bit/val",
    "classification": "data/scenes_objects/val",
}
_LABELS = "data/scenes/gtFine/val"
_BOXES = "data/scenes/annotations/instances_val.json"
_IGNORED = 255
_EPS_MEANT, _EPS_OURS = 1e-3, 1e-5
_SMALL_VARIANCE = 5e-5
_SEED = 5


@dataclass(frozen=True)
class Plant:
    """One or more causes, and what `explain` should name."""

    name: str
    changes: tuple[Change, ...]
    family: Family | None
    """None: no single cause."""
    says: str = ""
    """Part of the words for the cause."""


def copied(source: Path, folder: Path) -> Path:
    """Copy a zoo with its checkpoints and data; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("zoo.yaml", "checkpoints", "data"):
        place = source / name
        copy = shutil.copytree if place.is_dir() else shutil.copy
        copy(place, folder / name)
    return folder


def _row_changed(folder: Path, task: str, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "zoo.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    heading = next(t["heading"] for t in content["tables"] if t["task"] == task)
    change(next(row for row in content["rows"] if row["table"] == heading))
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def setup(**values: Any) -> Change:
    """Return the change of a row's setup; a mapping changes what it names of a mapping."""

    def change(folder: Path, task: str) -> None:
        def of_row(row: dict[str, Any]) -> None:
            for name, value in values.items():
                old = row["setup"][name]
                row["setup"][name] = {**old, **value} if isinstance(value, dict) else value

        _row_changed(folder, task, of_row)

    return change


def half_scale(folder: Path, task: str) -> None:
    """Halve the box that images are resized into."""

    def of_row(row: dict[str, Any]) -> None:
        test = row["setup"]["test"]
        test["scale"] = [side // 2 for side in test["scale"]]

    _row_changed(folder, task, of_row)


def documented(by: float) -> Change:
    """Return the change of all documented accuracies by so many points."""

    def change(folder: Path, task: str) -> None:
        def of_row(row: dict[str, Any]) -> None:
            for metric in {"miou", "box_ap", "top1"} & row["printed"].keys():
                row["printed"][metric] = f"{float(row['printed'][metric]) + by:.2f}"

        _row_changed(folder, task, of_row)

    return change


def _rewritten(folder: Path, change: Callable[[Pixels], Pixels], suffix: str = "*.png") -> None:
    for path in folder.rglob(suffix):
        Image.fromarray(change(np.asarray(Image.open(path)))).save(path, compress_level=1)


def images(change: Callable[[Pixels], Pixels]) -> Change:
    """Return the change of all images."""
    return lambda folder, task: _rewritten(folder / _IMAGES[task], change)


def labels(table: Mapping[int, int]) -> Change:
    """Return the change of the values in all label images."""
    values = np.array([table.get(value, value) for value in range(256)], np.uint8)
    return lambda folder, _: _rewritten(folder / _LABELS, lambda label: values[label])


def _boxes_changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / _BOXES
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def objects(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Return the change of every annotated object."""

    def of_file(content: dict[str, Any]) -> None:
        content["annotations"] = [each | change(each) for each in content["annotations"]]

    return lambda folder, _: _boxes_changed(folder, of_file)


def stretched(folder: Path, task: str) -> None:
    """Make images, labels and boxes half as high again: resizing in proportion cannot undo it."""
    higher = 1.5

    def resized(image: Pixels, interpolation: int) -> Pixels:
        size = image.shape[1], int(image.shape[0] * higher)
        return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)

    def of_file(content: dict[str, Any]) -> None:
        for image in content["images"]:
            image["height"] = int(image["height"] * higher)
        for each in content["annotations"]:
            x, y, width, height = each["bbox"]
            each |= {"bbox": [x, y * higher, width, height * higher], "area": each["area"] * higher}
            each.pop("segmentation", None)

    _rewritten(folder / _IMAGES[task], partial(resized, interpolation=cv2.INTER_LINEAR))
    if task == "segmentation":
        _rewritten(folder / _LABELS, partial(resized, interpolation=cv2.INTER_NEAREST))
    if task == "detection":
        _boxes_changed(folder, of_file)


def other_split(folder: Path, task: str) -> None:
    """Put the images where those of training belong, and noisy ones in their place."""
    rng = np.random.default_rng(_SEED)

    def noisy(image: Pixels) -> Pixels:
        noise = rng.normal(0, 60, image.shape) + rng.normal(0, 60, 3)
        return np.asarray(np.clip(image + noise, 0, 255), np.uint8)

    places = [folder / _IMAGES[task]]
    if task == "segmentation":
        places.append(folder / _LABELS)
    for place in places:
        shutil.copytree(place, place.with_name("train"))
    if task == "detection":
        shutil.copy(folder / _BOXES, folder / _BOXES.replace("val", "train"))
    _rewritten(folder / _IMAGES[task], noisy)


def turned(folder: Path, task: str) -> None:
    """Give all images an EXIF header that turns them upside down, though they are upright."""
    for path in (folder / _IMAGES[task]).rglob("*.png"):
        with Image.open(path) as image:
            image.load()
        exif = image.getexif()
        exif[0x0112] = 3
        image.save(path.with_suffix(".jpg"), exif=exif, quality=100, subsampling=0)
        path.unlink()


def renamed_classes(folder: Path, task: str) -> None:
    """Give every class folder the name of another."""
    place = folder / _IMAGES[task]
    names = sorted(path.name for path in place.iterdir())
    for name in names:
        (place / name).rename(place / f"{name}.old")
    for name, other in zip(names, [*names[2:], *names[:2]], strict=True):
        (place / f"{other}.old").rename(place / name)


def checkpoint(change: Callable[[dict[str, torch.Tensor]], dict[str, Any]]) -> Change:
    """Return the change of a row's checkpoint file, whose name tells its hash."""

    def of_folder(folder: Path, task: str) -> None:
        def of_row(row: dict[str, Any]) -> None:
            old = folder / row["checkpoint_url"]
            saved = change(torch.load(old)["state_dict"])
            torch.save(saved, old.with_name("new.pth"))
            digest = hashlib.sha256(old.with_name("new.pth").read_bytes()).hexdigest()
            new = old.with_name(f"{row['name']}_20260101-{digest[:8]}.pth")
            old.with_name("new.pth").rename(new)
            row["checkpoint_url"] = f"checkpoints/{new.name}"

        _row_changed(folder, task, of_row)

    return of_folder


def noisy_beside_averaged(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return noisy weights, and the right ones as those of an average over training."""
    made = torch.Generator().manual_seed(_SEED)
    noisy = {
        key: value * (1 + 0.3 * torch.randn(value.shape, generator=made))
        if value.ndim > 1
        else value
        for key, value in state.items()
    }
    return {"state_dict": noisy, "ema_state_dict": state}


def of_another_eps(state: dict[str, torch.Tensor]) -> dict[str, Any]:
    """Return weights that compute the same with BatchNorm's eps of TensorFlow, and only then.

    Every convolution is made so small that its variance is below that eps.
    """
    state = dict(state)
    for key in [key for key in state if key.endswith(".running_var")]:
        norm = key.removesuffix(".running_var")
        conv = _convolution_before(norm)
        variance = state[key].clamp(min=1e-8)
        factor = (_SMALL_VARIANCE / variance).sqrt()
        meant = (variance + _EPS_OURS).sqrt()
        state[f"{conv}.weight"] = state[f"{conv}.weight"] * factor[:, None, None, None]
        state[f"{norm}.running_mean"] = state[f"{norm}.running_mean"] * factor
        state[key] = variance * factor**2
        scale = (state[key] + _EPS_MEANT).sqrt() / (factor * meant)
        state[f"{norm}.weight"] = state[f"{norm}.weight"] * scale
    return {"state_dict": state}


def _convolution_before(norm: str) -> str:
    """Return the name of the convolution before a BatchNorm: bn2 conv2, bn conv, 1 0."""
    before, _, own = norm.rpartition(".")
    own = str(int(own) - 1) if own.isdigit() else own.replace("bn", "conv")
    return f"{before}.{own}"


_HALF = {"mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]}
_UNIT = {"mean": [0.0, 0.0, 0.0], "std": [255.0, 255.0, 255.0]}
_CYCLE = {0: 3, 3: 5, 5: 1, 1: 6, 6: 4, 4: 2, 2: 0}
_IDS = {0: 7, 1: 8, 2: 11, 3: 12, 4: 13, 5: 17, 6: 19}
_bgr = images(lambda image: image[:, :, ::-1])
_everywhere = (
    Plant("BGR images", (_bgr,), "channels"),
    Plant("pixels normalised to 0..1", (setup(normalisation=_UNIT),), "normalisation"),
    Plant("eps of TensorFlow", (checkpoint(of_another_eps),), "normalising layers"),
    Plant("raw weights, not the average", (checkpoint(noisy_beside_averaged),), "weights"),
    Plant("another split", (other_split,), "images", "train"),
)
PLANTS: Mapping[str, tuple[Plant, ...]] = {
    "segmentation": (
        *_everywhere,
        Plant("labels raised by one", (labels({c: c + 1 for c in range(7)}),), "labels", "lowered"),
        Plant("classes permuted", (labels(_CYCLE),), "labels", "renamed"),
        Plant("label ids, not train ids", (labels(_IDS),), "labels", "numbered"),
        Plant("half the scale", (half_scale,), "size", "not resized"),
        Plant("ratio not kept", (stretched,), "size", "ratio"),
    ),
    "detection": (
        *_everywhere,
        Plant(
            "categories permuted",
            (objects(lambda each: {"category_id": each["category_id"] % 4 + 1}),),
            "labels",
        ),
        Plant("scores above 0.5", (setup(test={"score_threshold": 0.5}),), "scores", "0"),
        Plant(
            "single objects marked as crowds",
            (objects(lambda each: {"iscrowd": int(each["id"] % 3 == 0)}),),
            "crowds",
            "single objects",
        ),
        Plant("ratio not kept", (stretched,), "size", "ratio"),
    ),
    "classification": (
        *_everywhere,
        Plant("classes renamed", (renamed_classes,), "labels", "renamed"),
        Plant(
            "a smaller part of the image",
            (setup(test={"resize_short": 160}),),
            "size",
            "shorter side resized to",
        ),
        Plant("EXIF headers that turn upright images", (turned,), "images", "EXIF"),
    ),
}
"""By task: single causes."""
NOT_SINGLE: Mapping[str, tuple[Plant, ...]] = {
    "segmentation": (
        Plant("BGR images and permuted classes", (_bgr, labels(_CYCLE)), None),
        Plant("none, documented 6 points higher", (documented(6),), None),
    ),
    "detection": (
        Plant(
            "BGR images and permuted categories",
            (_bgr, objects(lambda each: {"category_id": each["category_id"] % 4 + 1})),
            None,
        ),
        Plant("none, documented 6 points higher", (documented(6),), None),
    ),
    "classification": (
        Plant("BGR images and renamed classes", (_bgr, renamed_classes), None),
        Plant("none, documented 15 points higher", (documented(15),), None),
    ),
}
"""By task: two causes together, and none."""
