"""Saves the images a detector did worst on, with the truth beside the detections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.coco_results import result_entries
from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.coco_ap import coco_figures
from hrnet_zoo.tasks.detection.metrics import CocoMetric
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.options import SINGLE, WorstOptions
from hrnet_zoo.tasks.pictures import comparison

# What scores lower is rarely looked at, and would cover everything else.
_SHOWN_SCORE = 0.3
_PANEL_SIDE = 1000


def worst_images(
    results: Mapping[str, ImageResult],
    samples: CocoSamples,
    metric: CocoMetric,
    count: int,
    progress: Progress,
) -> list[tuple[str, float]]:
    """Return names and scores (percent, of the image alone) of the worst images, worst first.

    Images without annotated objects have no score and are passed over.

    Args:
        results: of every image, by name.
        samples: with the annotations.
        metric: what is scored.
        count: how many.
        progress: told about every image that was scored.
    """
    annotations: dict[int, list[dict[str, Any]]] = {}
    for annotation in samples.ground_truth["annotations"]:
        annotations.setdefault(annotation["image_id"], []).append(annotation)
    images = {image["id"]: image for image in samples.ground_truth["images"]}
    id_of = samples.image_ids()
    scored = []
    for done, (name, result) in enumerate(results.items(), 1):
        image_id = id_of[name]
        alone = {
            "images": [images[image_id]],
            "annotations": annotations.get(image_id, []),
            "categories": samples.ground_truth["categories"],
        }
        entries = result_entries(image_id, result.counted[SINGLE], samples.category_ids)
        figures = coco_figures(alone, entries, metric.kind, image_ids=[image_id])
        assert metric.value_of is not None
        value = metric.value_of(figures)
        if value is not None:
            scored.append((name, value))
        progress.update(done)
    return sorted(scored, key=lambda pair: (pair[1], pair[0]))[:count]


def draw_worst(
    samples: CocoSamples,
    results: Mapping[str, ImageResult],
    worst: list[tuple[str, float]],
    options: WorstOptions,
    progress: Progress,
) -> None:
    """Draw the worst images, truth beside detections, one picture for each, numbered from 01.

    Raises:
        DatasetError: a file can no longer be used.
    """
    table = DATASETS[options.dataset].classes
    index_of = {samples.name_of(i): i for i in range(len(samples))}
    for place, (name, ap) in enumerate(worst, 1):
        index, found = index_of[name], results[name].counted[SINGLE]
        image = samples.load(index).image
        truth = samples.truth_of(index, with_masks=found.masks is not None)
        names, palette = table.names, table.palette
        drawn = draw_detections(image, found, names, palette, score_threshold=_SHOWN_SCORE)
        panels = [
            (f"truth: {name}", draw_detections(image, truth, names, palette, with_scores=False)),
            (f"AP {ap:.1f}, detections above {_SHOWN_SCORE}", drawn),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.LANCZOS)
        comparison(panels, []).save(options.picture(place, name))
        progress.update(place)
