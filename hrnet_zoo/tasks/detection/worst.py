"""Saves the images a detector did worst on, with the truth beside the detections."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.coco_results import result_entries
from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.coco_ap import Kind, coco_figures
from hrnet_zoo.tasks.detection.evaluation import EvaluatedImage
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.pictures import comparison
from hrnet_zoo.zoo.row import Row

# What scores lower is rarely looked at, and would cover everything else.
_SHOWN_SCORE = 0.3
_PANEL_SIDE = 1000


def worst_detections(
    results: Mapping[str, EvaluatedImage],
    dataset: CocoSamples,
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
        entries = result_entries(result.image_id, result.detections, dataset.category_ids)
        ap = coco_figures(alone, entries, kind, image_ids=[result.image_id]).ap
        if ap is not None:
            scored.append((name, ap))
        progress.update(done)
    return sorted(scored, key=lambda pair: (pair[1], pair[0]))[:count]


def save_worst_detections(
    dataset: CocoSamples,
    row: Row,
    results: Mapping[str, EvaluatedImage],
    worst: list[tuple[str, float]],
    folder: Path,
    progress: Progress,
) -> None:
    """Draw the worst images, truth beside detections, one picture for each, numbered from 01.

    Raises:
        DatasetError: a file can no longer be used.
    """
    table = DATASETS[row.setup.dataset].classes
    index_of = {dataset.name_of(i): i for i in range(len(dataset))}
    folder.mkdir(parents=True, exist_ok=True)
    for place, (name, ap) in enumerate(worst, 1):
        index, found = index_of[name], results[name].detections
        image = dataset.load(index).image
        truth = dataset.truth_of(index, with_masks=found.masks is not None)
        names, palette = table.names, table.palette
        drawn = draw_detections(image, found, names, palette, score_threshold=_SHOWN_SCORE)
        panels = [
            (f"truth: {name}", draw_detections(image, truth, names, palette, with_scores=False)),
            (f"AP {ap:.1f}, detections above {_SHOWN_SCORE}", drawn),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.LANCZOS)
        comparison(panels, []).save(folder / f"{place:02d}_{name.replace('/', '_')}.png")
        progress.update(place)
