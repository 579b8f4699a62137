"""What lower precisions do to networks that were trained: the demo's, over all of its images.

Random weights exaggerate how far lower precision is from FP32, and have no accuracy to lose. The
demo's networks are small, but they are HRNets and come with images and labels: every machine can
find out in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from hrnet_zoo.datasets.coco import CocoDataset, open_coco
from hrnet_zoo.datasets.coco_results import result_entries
from hrnet_zoo.datasets.layouts import DATASETS, DETECTION_DATASETS
from hrnet_zoo.datasets.segmentation import SegmentationDataset, open_dataset
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.settings import cache_dir
from hrnet_zoo.system.devices import canonical_precision
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.detection.coco_backends import score_detections
from hrnet_zoo.tasks.detection.evaluation import EvaluatedImage, detect_in_images
from hrnet_zoo.tasks.detection.timed import fast_detector
from hrnet_zoo.tasks.loading import (
    detection_protocol,
    folded_detector,
    load_detector,
    load_segmentor,
    network_for_evaluation,
    single_protocol,
)
from hrnet_zoo.tasks.segmentation.evaluation import evaluate_images
from hrnet_zoo.tasks.segmentation.per_image import total
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol
from hrnet_zoo.tasks.segmentation.timed import TimedSegmentor, fast_segmentor
from hrnet_zoo.timing.agreement import combined, detection_agreement
from hrnet_zoo.timing.inputs import image_from_file
from hrnet_zoo.timing.observations import Precision, TrainedFigure
from hrnet_zoo.timing.variants import Recipe, settings_for
from hrnet_zoo.weights.fetch import FetchOptions, fetch_row
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row, Task


class TrainedNetworks:
    """The demo's networks in lower precisions; what is known is not computed again."""

    def __init__(self) -> None:
        self._known: dict[tuple[Task, torch.device, tuple[Precision, ...]], list[TrainedFigure]]
        self._known = {}

    def figures(
        self, task: Task, precisions: Sequence[Precision], device: torch.device, progress: Progress
    ) -> list[TrainedFigure]:
        """Return accuracy and agreement of a task's network in each precision, beside FP32.

        The network of a precision is that of the variant "fast".

        Raises:
            ZooError: the device's memory does not suffice, or the outputs are no numbers.
        """
        if not precisions:
            return []
        key = (task, device, tuple(precisions))
        if key not in self._known:
            (row,) = load_zoo(MANIFEST).select(task=task)
            said = f"{row.name}: FP32 and {', '.join(precisions)} on the demo's images"
            progress.begin(said, None, "")
            measure = _labels if task == "segmentation" else _boxes
            recipes = [Recipe(name=name, fast=True, precision=name) for name in precisions]
            self._known[key] = measure(row, recipes, device)
        return self._known[key]


def _labels(row: Row, recipes: Sequence[Recipe], device: torch.device) -> list[TrainedFigure]:
    model = load_segmentor(row, _weights(row), device)
    dataset = open_dataset(DATASETS[row.setup.dataset], DATA_ROOT, row.setup.num_classes)
    protocol = single_protocol(row)
    with canonical_precision():
        fp32 = _miou(network_for_evaluation(model), dataset, protocol, device)
    images = [image_from_file(dataset.path_of(i)) for i in range(len(dataset))]
    timed = TimedSegmentor(model, images, protocol, device)
    figures = []
    for recipe in recipes:
        with settings_for(recipe)():
            lower = _miou(fast_segmentor(model, recipe), dataset, protocol, device)
        figures.append(
            TrainedFigure(
                precision=recipe.precision,
                network=row.name,
                num_images=len(dataset),
                metric="miou",
                fp32=fp32,
                lower=lower,
                agreement=timed.variant(recipe).agree(),
            )
        )
    return figures


def _miou(
    network: Network,
    dataset: SegmentationDataset,
    protocol: SegmentationProtocol,
    device: torch.device,
) -> float:
    results = evaluate_images(
        network,
        dataset,
        range(len(dataset)),
        {"miou": protocol},
        num_workers=None,
        device=device,
        seconds=StageSeconds(),
    )
    counts = total([result.counts["miou"] for result in results], dataset.num_classes)
    miou = counts.scores().miou
    assert miou is not None
    return miou


def _boxes(row: Row, recipes: Sequence[Recipe], device: torch.device) -> list[TrainedFigure]:
    model = load_detector(row, _weights(row), device).model
    name = row.setup.dataset
    dataset = open_coco(DETECTION_DATASETS[name], name, DATA_ROOT)
    with canonical_precision():
        fp32 = _detections(folded_detector(model), row, dataset, device)
    figures = []
    for recipe in recipes:
        with settings_for(recipe)():
            lower = _detections(fast_detector(model, recipe), row, dataset, device)
        pairs = zip(fp32, lower, strict=True)
        figures.append(
            TrainedFigure(
                precision=recipe.precision,
                network=row.name,
                num_images=len(dataset),
                metric="box_ap",
                fp32=_box_ap(fp32, dataset),
                lower=_box_ap(lower, dataset),
                agreement=combined(
                    [detection_agreement(a.detections, b.detections) for a, b in pairs]
                ),
            )
        )
    return figures


def _detections(
    network: Detector, row: Row, dataset: CocoDataset, device: torch.device
) -> list[EvaluatedImage]:
    return list(
        detect_in_images(
            network,
            dataset,
            range(len(dataset)),
            detection_protocol(row, with_masks=False),
            num_workers=None,
            device=device,
            seconds=StageSeconds(),
        )
    )


def _box_ap(images: Sequence[EvaluatedImage], dataset: CocoDataset) -> float:
    entries = [
        entry
        for image in images
        for entry in result_entries(image.image_id, image.detections, dataset.layout.category_ids)
    ]
    ids = [image.image_id for image in images]
    ap = score_detections(dataset.ground_truth, entries, "bbox", image_ids=ids).figures.ap
    assert ap is not None
    return ap


def _weights(row: Row) -> Path:
    fetch = FetchOptions(cache_dir=cache_dir(), offline=True)
    return fetch_row(row, MANIFEST.parent, fetch, Silent()).path
