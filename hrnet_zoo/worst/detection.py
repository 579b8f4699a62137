"""Saves the images a detector did worst on, with the truth beside the detections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from hrnet_zoo.box_pictures import draw_detections, draw_truth
from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.coco import CocoDataset
from hrnet_zoo.datasets.coco_results import result_entries
from hrnet_zoo.evaluation.detection import DetectedImage
from hrnet_zoo.metrics.coco_ap import Kind, coco_figures
from hrnet_zoo.pictures import comparison
from hrnet_zoo.progress import Progress
from hrnet_zoo.row import Row

# What scores lower is rarely looked at, and would cover everything else.
_SHOWN_SCORE = 0.3
_PANEL_SIDE = 800


def worst_detections(
    results: Mapping[str, DetectedImage],
    dataset: CocoDataset,
    kind: Kind,
    count: int,
    progress: Progress,
) -> list[tuple[str, float]]:
    """Return names and AP (percent, of the image alone) of the worst images, worst first.

    Images without annotated objects have no AP and are passed over.

    Args:
        results: of every image, by name.
        dataset: with the annotations.
        kind: "bbox" or "segm".
        count: how many.
        progress: told about every image that was scored.
    """
    annotations: dict[int, list[dict[str, Any]]] = {}
    for annotation in dataset.ground_truth["annotations"]:
        annotations.setdefault(annotation["image_id"], []).append(annotation)
    images = {image["id"]: image for image in dataset.ground_truth["images"]}
    scored = []
    for done, (name, result) in enumerate(results.items(), 1):
        alone = {
            "images": [images[result.image_id]],
            "annotations": annotations.get(result.image_id, []),
            "categories": dataset.ground_truth["categories"],
        }
        entries = result_entries(result.image_id, result.detections, dataset.layout.category_ids)
        ap = coco_figures(alone, entries, kind, image_ids=[result.image_id]).ap
        if ap is not None:
            scored.append((name, ap))
        progress.update(done)
    return sorted(scored, key=lambda pair: (pair[1], pair[0]))[:count]
