"""A made-up COCO: as many images, categories and detections as wanted, of realistic difficulty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]

_WIDTH, _HEIGHT = 640, 480
_OBJECTS_PER_IMAGE = 7
_FOUND = 0.7


def made_up_coco(
    num_images: int, num_detections: int, num_categories: int
) -> tuple[Json, list[Json]]:
    """Return an instances file as parsed, and results on it.

    Most objects are found, more or less exactly; the other detections of an image are somewhere,
    of any category and with low scores, as a detector's are.
    """
    rng = np.random.default_rng(11)
    annotations: list[Json] = []
    results: list[Json] = []
    for image_id in range(1, num_images + 1):
        boxes, categories = _objects(rng, num_categories)
        for box, category in zip(boxes.tolist(), categories.tolist(), strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": category,
                    "iscrowd": int(rng.random() < 0.01),
                    "area": box[2] * box[3] * 0.6,
                    "bbox": box,
                }
            )
        found = rng.random(len(boxes)) < _FOUND
        noise = rng.normal(0, 0.08, (found.sum(), 4)) * boxes[found][:, [2, 3, 2, 3]]
        others = num_detections - int(found.sum())
        detected = np.concatenate([boxes[found] + noise, _boxes(rng, others)])
        detected[:, 2:] = np.maximum(detected[:, 2:], 1)
        labels = np.concatenate([categories[found], rng.integers(1, num_categories + 1, others)])
        scores = np.concatenate([rng.uniform(0.2, 1, found.sum()), rng.beta(1, 8, others)])
        results += [
            {"image_id": image_id, "bbox": box, "score": score, "category_id": category}
            for box, score, category in zip(
                detected.astype(np.float32).tolist(),
                scores.astype(np.float32).tolist(),
                labels.tolist(),
                strict=True,
            )
        ]
    truth = {
        "images": [
            {"id": id_, "file_name": f"{id_:012d}.jpg", "height": _HEIGHT, "width": _WIDTH}
            for id_ in range(1, num_images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": id_, "name": f"{id_}"} for id_ in range(1, num_categories + 1)],
    }
    return truth, results


def _objects(
    rng: np.random.Generator, num_categories: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    count = rng.poisson(_OBJECTS_PER_IMAGE)
    # Images show few kinds of things, often several of a kind.
    kinds = rng.integers(1, num_categories + 1, 3)
    return _boxes(rng, count), rng.choice(kinds, count)


def _boxes(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    sizes = np.exp(rng.uniform(np.log(8), np.log(400), (count, 2)))
    corners = rng.uniform(0, 1, (count, 2)) * np.maximum([_WIDTH, _HEIGHT] - sizes, 1)
    return np.concatenate([corners, sizes], axis=1)
