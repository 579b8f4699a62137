"""Saves the images a network did worst on, as input, truth, prediction and error side by side."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.system.devices import canonical_precision, memory_explained
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.ahead import image_too_large
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import WorstOptions
from hrnet_zoo.tasks.pictures import colourise, comparison, errors, legend_of
from hrnet_zoo.tasks.segmentation.protocol import (
    Network,
    SegmentationProtocol,
    class_scores,
    resized_images,
)

# Panels of full-size street scenes side by side would be 8000 pixels wide.
_PANEL_SIDE = 800


def worst_images(
    results: Mapping[str, ImageResult], metric: Metric, count: int
) -> list[tuple[str, float]]:
    """Return names and scores (percent, of the image alone) of the worst images, worst first."""
    assert metric.value_of is not None
    scored = [
        (name, metric.value_of(result.counted[metric.protocol or ""].scores()))
        for name, result in results.items()
    ]
    known = [(name, value) for name, value in scored if value is not None]
    return sorted(known, key=lambda pair: (pair[1], pair[0]))[:count]


def draw_worst(
    network: Network,
    samples: LabelSamples,
    protocol: SegmentationProtocol,
    worst: list[tuple[str, float]],
    options: WorstOptions,
    progress: Progress,
) -> None:
    """Predict the worst images once more and write one picture for each, numbered from 01.

    Raises:
        DatasetError: a file can no longer be used.
    """
    table = DATASETS[options.dataset].classes
    index_of = {samples.name_of(i): i for i in range(len(samples))}
    for place, (name, value) in enumerate(worst, 1):
        sample = samples.load(index_of[name])
        size = (sample.label.shape[0], sample.label.shape[1])
        images = resized_images(sample.image, protocol)
        explained = memory_explained(partial(image_too_large, size, options.device))
        with canonical_precision(), explained:
            scores = class_scores(network, images, protocol, size=size, device=options.device)
        prediction = scores.argmax(dim=0).to(torch.uint8).cpu().numpy()
        panels = [
            (f"{options.title} {value:.1f}: {name}", Image.fromarray(sample.image)),
            ("truth (black: ignored)", colourise(sample.label, table.palette)),
            ("prediction", colourise(prediction, table.palette)),
            ("error (red: wrong)", errors(sample.image, sample.label, prediction)),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.NEAREST)
        legend = legend_of(table.names, table.palette, sample.label, prediction)
        zoom = max(1, _PANEL_SIDE // 2 // max(panels[0][1].size))
        comparison(panels, legend, zoom=zoom).save(options.picture(place, name))
        progress.update(place)
