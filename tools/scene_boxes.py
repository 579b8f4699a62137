"""Which objects of a scene carry a box, and COCO's file about the boxes of many scenes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from pycocotools import mask as rle
from scenes.picture import CAR, HEIGHT, HOUSE, PERSON, TREE, WIDTH, Instance, Mask, Scene

CATEGORIES = {HOUSE: "house", TREE: "tree", CAR: "car", PERSON: "person"}
"""Class in the label map -> name; COCO's ids count these from 1, networks from 0."""

MIN_AREA = 25
"""Pixels; an object of which less can be seen carries no box, in training and validation alike."""

_LABELS = {category: label for label, category in enumerate(CATEGORIES)}


def annotated(scene: Scene) -> list[Instance]:
    """Return the objects that carry a box, from far to near."""
    return [i for i in scene.instances if np.count_nonzero(i.mask) >= MIN_AREA]


def label_of(instance: Instance) -> int:
    """Return the class of an object as networks count it, 0 to 3."""
    return _LABELS[instance.category]


def coco_annotations(scenes: Iterable[tuple[str, Scene]]) -> dict[str, list[dict[str, Any]]]:
    """Return the content of an annotation file in COCO's form.

    Args:
        scenes: file name below the folder of the images, and what the image shows.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, (file_name, scene) in enumerate(scenes, start=1):
        images.append(
            {"id": image_id, "file_name": file_name, "height": HEIGHT, "width": WIDTH},
        )
        for instance in annotated(scene):
            # Ids count from 1: COCO's own evaluation takes a match with object 0 for none.
            ids = {"id": len(annotations) + 1, "image_id": image_id}
            annotations.append(ids | _annotation(instance))
    categories = [{"id": i, "name": name} for i, name in enumerate(CATEGORIES.values(), start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _annotation(instance: Instance) -> dict[str, Any]:
    x1, y1, x2, y2 = instance.box
    return {
        "category_id": label_of(instance) + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": int(np.count_nonzero(instance.mask)),
        "iscrowd": 0,
        "segmentation": _encoded(instance.mask),
    }


def _encoded(mask: Mask) -> dict[str, Any]:
    code = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": code["counts"].decode("ascii")}
