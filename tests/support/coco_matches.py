"""Made-up annotations and detections, with all that makes matching hard."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hrnet_zoo.datasets.coco_masks import as_rle
from hrnet_zoo.datasets.coco_results import Result, result_entries
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.detection.matching import match_image
from hrnet_zoo.tasks.detection.metrics import Kind

Json = dict[str, Any]
SIZE = (150, 170)
"""(height, width) of all images."""
CATEGORY_IDS = (2, 7, 9, 30)
"""Nothing is annotated as the last one."""


@dataclass(frozen=True, kw_only=True)
class MadeUp:
    """A few images, as COCO's tools and as this package take them."""

    truth: Json
    found: dict[int, ImageDetections]
    """By image id."""
    category_ids: tuple[int, ...] = CATEGORY_IDS

    @property
    def entries(self) -> list[Result]:
        """Return the detections as COCO results."""
        return [
            entry
            for image_id, found in self.found.items()
            for entry in result_entries(image_id, found, self.category_ids)
        ]

    def matches(self, kind: Kind) -> list[Matches]:
        """Return what is matched in each image."""
        return [
            match_image(
                image["id"],
                (image["height"], image["width"]),
                self.annotations_of(image["id"]),
                self.found[image["id"]],
                self.category_ids,
                kind,
            )
            for image in self.truth["images"]
        ]

    def annotations_of(self, image_id: int) -> list[Json]:
        """Return what is annotated in an image."""
        return [each for each in self.truth["annotations"] if each["image_id"] == image_id]

    def only(self, image_ids: Sequence[int]) -> MadeUp:
        """Return some of the images."""
        truth = self.truth | {
            "images": [each for each in self.truth["images"] if each["id"] in image_ids],
            "annotations": [a for a in self.truth["annotations"] if a["image_id"] in image_ids],
        }
        return MadeUp(truth=truth, found={i: self.found[i] for i in image_ids})


def made_up(seed: int, counts: Sequence[int] = (40, 0, 130, 12, 25, 7)) -> MadeUp:
    """Return images with so many detections each.

    Scores are equal in dozens, many boxes are equal, objects overlap, a third are crowds. The
    best detections are mostly wrong, so that it matters how many count. The second and the fourth
    image have no object. Ids do not ascend.
    """
    rng = np.random.default_rng(seed)
    ids = [11, 4, 7, 30, 9, 2, *range(40, 40 + len(counts))][: len(counts)]
    annotations: list[Json] = []
    found = {}
    for place, (image_id, count) in enumerate(zip(ids, counts, strict=True)):
        objects = [] if place in (1, 3) else [_box(rng) for _ in range(rng.integers(4, 12))]
        objects += objects[:1]
        for box in objects:
            x, y, w, h = box
            polygon: Any = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": int(rng.choice(CATEGORY_IDS[:3], p=(0.6, 0.3, 0.1))),
                    "iscrowd": int(rng.random() < 0.3),
                    "area": 0.9 * w * h,
                    "bbox": box,
                    "segmentation": polygon if rng.random() < 0.5 else as_rle(polygon, SIZE),
                }
            )
        found[image_id] = _found(rng, objects, count)
    truth = {
        "images": [{"id": id_, "height": SIZE[0], "width": SIZE[1]} for id_ in ids],
        "annotations": annotations,
        "categories": [{"id": id_, "name": str(id_)} for id_ in CATEGORY_IDS],
    }
    return MadeUp(truth=truth, found=found)


def _box(rng: np.random.Generator) -> list[float]:
    return [float(v) for v in (*rng.uniform(0, 60, 2), *rng.uniform(5, 60, 2) ** 1.1)]


def _found(rng: np.random.Generator, objects: list[list[float]], count: int) -> ImageDetections:
    boxes, tenths = [], []
    for _ in range(count):
        near = bool(objects) and rng.random() < 0.3
        box = np.array(objects[rng.integers(len(objects))] if near else _box(rng))
        moved = box + rng.normal(0, 4, 4) * rng.integers(0, 2)
        x, y, w, h = (*moved[:2], *np.maximum(moved[2:], 1))
        boxes.append((x, y, x + w, y + h))
        tenths.append(rng.integers(1, 6 if near else 11))
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return ImageDetections(
        boxes=corners,
        scores=np.array(tenths, np.float32) / np.float32(10),
        labels=rng.choice(4, count, p=(0.5, 0.3, 0.1, 0.1)),
        masks=[
            as_rle([[x1, y1, x2, y1, x2, y2, x1, y2]], SIZE) for x1, y1, x2, y2 in corners.tolist()
        ],
    )


def evaluated(case: MadeUp, kind: Kind) -> Any:
    """Return pycocotools' evaluator after it has looked at all images, with upstream's numbers."""
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = copy.deepcopy(case.truth)
        reference.createIndex()
        evaluator = COCOeval(reference, reference.loadRes(copy.deepcopy(case.entries)), kind)
        evaluator.params.maxDets = [100, 300, 1000]
        evaluator.evaluate()
    return evaluator
