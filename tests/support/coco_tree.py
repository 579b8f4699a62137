"""Small detection data sets in COCO's layout, with all that the real one has."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.trees import picture

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances

Json = dict[str, Any]

BOX_SIDES = (12, 40, 104)
"""Small, medium and large objects."""


def make_coco(
    data_root: Path, *, name: str = "coco", count: int = 4, size: tuple[int, int] = (120, 160)
) -> Path:
    """Write ``count`` images of ``size`` (every other one turned) and their annotations.

    Ids have gaps and are not listed in order; every image has three objects as polygons, of three
    sizes and changing categories, the first image has a crowd besides, and the last has nothing.
    Returns the data set's own folder.
    """
    layout = of_kind(CocoInstances)[name]
    root = data_root / layout.root
    rng = np.random.default_rng(7)
    images = []
    for i in range(count):
        height, width = size if i % 2 == 0 else size[::-1]
        file_name = _file_name(name, i)
        path = root / layout.image_dir / file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(rng, (height, width))).save(path)
        images.append({"id": image_id(i), "file_name": file_name, "height": height, "width": width})
    content = {
        "info": {"description": "made up"},
        "licenses": [],
        "images": images[::-1],
        "annotations": _annotations(rng, images, layout.category_ids),
        "categories": [
            {"id": id_, "name": class_name, "supercategory": "thing"}
            for id_, class_name in zip(layout.category_ids, layout.classes.names, strict=True)
        ],
    }
    file = root / layout.annotation_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return root


def image_id(index: int) -> int:
    return 139 + 146 * index


def image_file(root: Path, index: int, name: str = "coco") -> Path:
    return root / of_kind(CocoInstances)[name].image_dir / _file_name(name, index)


def read_annotations(root: Path, name: str = "coco") -> Json:
    content = json.loads((root / of_kind(CocoInstances)[name].annotation_file).read_text())
    assert isinstance(content, dict)
    return content


def change_annotations(root: Path, change: Callable[[Json], object], name: str = "coco") -> None:
    """Rewrite the annotation file after ``change`` worked on its content in place."""
    content = read_annotations(root, name)
    change(content)
    (root / of_kind(CocoInstances)[name].annotation_file).write_text(json.dumps(content))


def perfect_results(ground_truth: Json, *, masks: bool = False) -> list[Json]:
    """Return results that find every object but crowds exactly, boxes and, if wanted, masks."""
    # Only here, because most users of this module need no masks.
    from pycocotools import mask as coco_masks  # noqa: PLC0415

    sizes = {image["id"]: (image["height"], image["width"]) for image in ground_truth["images"]}
    results = []
    for annotation in ground_truth["annotations"]:
        if annotation["iscrowd"]:
            continue
        result = {key: annotation[key] for key in ("image_id", "category_id", "bbox")}
        result["score"] = 0.9
        if masks:
            height, width = sizes[annotation["image_id"]]
            polygons = coco_masks.frPyObjects(annotation["segmentation"], height, width)
            rle = coco_masks.merge(polygons)
            result["segmentation"] = {"size": [height, width], "counts": rle["counts"].decode()}
        results.append(result)
    return results


def _file_name(name: str, index: int) -> str:
    if name == "coco":
        return f"{image_id(index):012d}.jpg"
    return f"town_{index % 2}/town_{index % 2}_{index:06d}_000019_leftImg8bit.png"


def _annotations(
    rng: np.random.Generator, images: list[Json], category_ids: tuple[int, ...]
) -> list[Json]:
    annotations: list[Json] = []
    for i, image in enumerate(images[:-1]):
        for k, side in enumerate(BOX_SIDES):
            x = float(rng.integers(0, image["width"] - side + 1))
            y = float(rng.integers(0, image["height"] - side + 1))
            right, bottom = x + side, y + side
            annotations.append(
                {
                    "id": 1000 - len(annotations),
                    "image_id": image["id"],
                    "category_id": category_ids[(3 * i + k) % len(category_ids)],
                    "iscrowd": 0,
                    "area": float(side * side),
                    "bbox": [x, y, float(side), float(side)],
                    "segmentation": [[x, y, right, y, right, bottom, x, bottom]],
                }
            )
    if len(images) > 1:
        annotations.append(_crowd(images[0], category_ids[0]))
    return annotations


def _crowd(image: Json, category_id: int) -> Json:
    """Return a crowd in the left ten columns; its mask is stored as plain run lengths."""
    height, width = image["height"], image["width"]
    return {
        "id": 900_100_000_139,
        "image_id": image["id"],
        "category_id": category_id,
        "iscrowd": 1,
        "area": 10 * height,
        "bbox": [0, 0, 10, height],
        "segmentation": {
            "size": [height, width],
            "counts": [0, 10 * height, (width - 10) * height],
        },
    }
