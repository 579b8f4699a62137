"""Saves the images a network did worst on, as input, truth, prediction and error side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.system.devices import canonical_precision
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.pictures import colourise, comparison, errors, legend_of
from hrnet_zoo.tasks.segmentation.evaluation import ImageResult, predict
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, resized_images
from hrnet_zoo.zoo.row import Metric, Row

# Panels of full-size street scenes side by side would be 8000 pixels wide.
_PANEL_SIDE = 800


def worst_images(
    results: Mapping[str, ImageResult], metric: Metric, count: int
) -> list[tuple[str, float]]:
    """Return names and mIoU (percent, of the image alone) of the worst images, worst first."""
    scored = [(name, result.counts[metric].miou()) for name, result in results.items()]
    known = [(name, miou) for name, miou in scored if miou is not None]
    return sorted(known, key=lambda pair: (pair[1], pair[0]))[:count]


def save_worst(  # noqa: PLR0913, PLR0917 - all that a prediction needs, and where it goes
    network: Network,
    dataset: LabelSamples,
    row: Row,
    protocol: SegmentationProtocol,
    worst: list[tuple[str, float]],
    folder: Path,
    device: torch.device,
    progress: Progress,
) -> None:
    """Predict the worst images once more and write one picture for each, numbered from 01.

    Raises:
        DatasetError: a file can no longer be used.
    """
    table = DATASETS[row.setup.dataset].classes
    index_of = {dataset.name_of(i): i for i in range(len(dataset))}
    folder.mkdir(parents=True, exist_ok=True)
    for place, (name, miou) in enumerate(worst, 1):
        sample = dataset.load(index_of[name])
        size = (sample.label.shape[0], sample.label.shape[1])
        images = resized_images(sample.image, protocol)
        with canonical_precision():
            scores = predict(network, images, protocol, size=size, device=device)
        prediction = scores.argmax(dim=0).to(torch.uint8).cpu().numpy()
        panels = [
            (f"mIoU {miou:.1f}: {name}", Image.fromarray(sample.image)),
            ("truth (black: ignored)", colourise(sample.label, table.palette)),
            ("prediction", colourise(prediction, table.palette)),
            ("error (red: wrong)", errors(sample.image, sample.label, prediction)),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.NEAREST)
        legend = legend_of(table.names, table.palette, sample.label, prediction)
        zoom = max(1, _PANEL_SIDE // 2 // max(panels[0][1].size))
        comparison(panels, legend, zoom=zoom).save(
            folder / f"{place:02d}_{name.replace('/', '_')}.png"
        )
        progress.update(place)
