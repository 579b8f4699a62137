"""What tests and benchmarks ask of rows: their networks and protocols, in one word each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.runs import prepared
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.evaluation import ImageResult, evaluate
from hrnet_zoo.tasks.networks import LoadedNetwork
from hrnet_zoo.tasks.segmentation.evaluation import SegmentationEvaluator
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol
from hrnet_zoo.zoo.row import Row


def build_row(row: Row) -> nn.Module:
    return TASKS[row.task].networks.build(row.setup)


def drawn_size(row: Row, scale: tuple[int, int] | None = None) -> tuple[int, int]:
    return prepared.drawn_size(row, scale or TASKS[row.task].box(row.setup))


def load_segmentor(row: Row, path: Path, device: torch.device) -> FCN:
    return cast("FCN", TASKS[row.task].networks.load(row.name, row.setup, path, device).model)


def load_detector(row: Row, path: Path, device: torch.device) -> LoadedNetwork:
    return TASKS[row.task].networks.load(row.name, row.setup, path, device)


def single_protocol(row: Row) -> SegmentationProtocol:
    return SegmentationProtocol.of(cast("Any", row.setup))


def ms_flip(row: Row) -> SegmentationProtocol:
    return SegmentationProtocol.of(cast("Any", row.setup), "ms_flip")


def detection_protocol(row: Row, *, with_masks: bool) -> DetectionProtocol:
    return DetectionProtocol.of(cast("Any", row.setup), with_masks=with_masks)


def evaluate_images(
    network: Network,
    samples: LabelSamples,
    indices: Iterable[int],
    protocols: Mapping[str, SegmentationProtocol],
    *,
    num_workers: int | None,
    device: torch.device,
    seconds: StageSeconds,
) -> Iterator[ImageResult]:
    """Yield what a segmentor's evaluation leaves of each image."""
    evaluator = SegmentationEvaluator(network, samples, protocols, device)
    return evaluate(evaluator, indices, num_workers=num_workers, seconds=seconds)


def detect_in_images(
    network: Detector,
    samples: CocoSamples,
    indices: Iterable[int],
    protocol: DetectionProtocol,
    *,
    num_workers: int | None,
    device: torch.device,
    seconds: StageSeconds,
) -> Iterator[ImageResult]:
    """Yield what a detector's evaluation leaves of each image."""
    evaluator = DetectionEvaluator(network, samples, protocol, device)
    return evaluate(evaluator, indices, num_workers=num_workers, seconds=seconds)
