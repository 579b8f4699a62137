"""Semantic segmentation: every pixel of an image gets a class."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import SINGLE, ScoreOptions, WorstOptions
from hrnet_zoo.tasks.scored import ClassFigures, ProtocolUsed, Scored
from hrnet_zoo.tasks.segmentation.metrics import METRICS, MS_FLIP
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS, SegmentationSetup, SlideTest
from hrnet_zoo.tasks.task import MemoryBounds, Task

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

    from hrnet_zoo.datasets.label_samples import LabelSamples
    from hrnet_zoo.models.segmentor import Segmentor
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
    from hrnet_zoo.tasks.segmentation.evaluation import SegmentationEvaluator
    from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
    from hrnet_zoo.tasks.segmentation.protocol import Network
    from hrnet_zoo.tasks.segmentation.timed import TimedSegmentor
    from hrnet_zoo.tasks.segmentation.workloads import SegmentationInference, SegmentationTraining
    from hrnet_zoo.timing.inputs import TimedImage
    from hrnet_zoo.timing.variants import Recipe, Timeable

_SMALL = (256, 256)
"""Box of the image that a filled classifier is adjusted on; more would only take longer."""


class SegmentationTask(Task):
    """See `Task`."""

    name = "segmentation"
    setup = SegmentationSetup
    metrics = METRICS
    does = "labels pixels"
    protocols = (SINGLE, MS_FLIP)
    methods = {"fcn": "FCN"}
    table_of = "data set"
    memory = MemoryBounds(
        low=0.93,
        high=1.02,
        reason="a prediction counts tensors only, without convolution workspaces and the "
        "allocator's slack; upstream's own models, predicted the same way, give 0.94 to 0.99",
    )

    def describe(self, setup: SegmentationSetup) -> list[tuple[str, str]]:
        """Return how windows are cut, if they are."""
        mode: str = setup.test.mode
        if isinstance(setup.test, SlideTest):
            (h, w), (dy, dx) = setup.test.crop_size, setup.test.stride
            mode = f"slide, windows of {h} x {w}, stride {dy} x {dx}"
        return [*super().describe(setup), ("test mode", mode)]

    def protocol_used(self, setup: SegmentationSetup, protocol: str) -> ProtocolUsed:
        """Return one pass, or several over sizes and mirror images."""
        used = super().protocol_used(setup, protocol)
        several = {"ratios": list(MS_FLIP_RATIOS), "flip": True}
        return used.model_copy(update=several) if protocol == MS_FLIP else used

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return the values of runs over the same images, and of their resamples."""
        from hrnet_zoo.tasks.segmentation.confusion import (
            SegmentationScores,
            bootstrap_runs,
            total,
        )

        assert metric.value_of is not None
        decoded = [[self.from_text(text) for text in run] for run in runs]
        numbers = {image.num_classes for images in decoded for image in images}
        if len(numbers) > 1:
            msg = f"they have {' and '.join(map(str, sorted(numbers)))} classes, of the same data"
            raise ValueError(msg)
        values = [
            metric.value_of(SegmentationScores.of(total(images, *numbers))) for images in decoded
        ]
        return values, bootstrap_runs(decoded, draws, metric.value_of)

    def build(self, setup: SegmentationSetup) -> nn.Module:
        """Return the untrained segmentor."""
        from hrnet_zoo.models import build_segmentor

        return build_segmentor(
            setup.architecture, backbone=setup.backbone, num_classes=setup.num_classes
        )

    def network(self, model: Segmentor) -> Network:
        """Return a folded copy, up to its coarse logits."""
        from hrnet_zoo.tasks.segmentation.protocol import evaluated_network

        return evaluated_network(model)

    def evaluator(
        self,
        setup: SegmentationSetup,
        samples: LabelSamples,
        network: Network,
        metrics: Sequence[Metric],
        device: torch.device,
    ) -> SegmentationEvaluator:
        """Return what counts labels against predictions."""
        from hrnet_zoo.tasks.segmentation.evaluation import SegmentationEvaluator
        from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol

        names = dict.fromkeys(metric.protocol for metric in metrics if metric.protocol)
        protocols = {name: SegmentationProtocol.of(setup, name) for name in names}
        return SegmentationEvaluator(network, samples, protocols, device)

    def from_text(self, text: str) -> SparseCounts:
        """Return confusion counts."""
        from hrnet_zoo.tasks.segmentation.confusion import SparseCounts

        try:
            return SparseCounts.from_text(text)
        except zlib.error as error:
            raise ValueError(str(error)) from None

    def score(
        self,
        setup: SegmentationSetup,
        samples: LabelSamples,
        metrics: Sequence[Metric],
        results: Mapping[str, ImageResult],
        options: ScoreOptions,
        progress: Progress,
    ) -> dict[str, Scored]:
        """Return each metric with its bootstrap interval, and the scores of all classes."""
        from hrnet_zoo.tasks.bootstrap import percentile_interval
        from hrnet_zoo.tasks.evaluation import by_name
        from hrnet_zoo.tasks.segmentation.confusion import (
            SegmentationScores,
            resampled_values,
            total,
        )

        del samples, options, progress
        names = DATASETS[setup.dataset].classes.names
        scored = {}
        for metric in metrics:
            assert metric.protocol is not None
            assert metric.value_of is not None
            images = by_name(results, metric.protocol)
            scores = SegmentationScores.of(total(images, setup.num_classes))
            scored[metric.name] = Scored(
                value=metric.value_of(scores),
                interval=percentile_interval(resampled_values(images, metric.value_of)),
                figures={"macc": scores.macc, "aacc": scores.aacc},
                classes=[
                    ClassFigures(name=name, figures={"iou": iou, "accuracy": accuracy})
                    for name, iou, accuracy in zip(names, scores.iou, scores.accuracy, strict=True)
                ],
            )
        return scored

    def draw_worst(
        self,
        setup: SegmentationSetup,
        samples: LabelSamples,
        network: Network,
        metric: Metric,
        results: Mapping[str, ImageResult],
        options: WorstOptions,
        progress: Progress,
    ) -> None:
        """Draw input, truth, prediction and error."""
        from hrnet_zoo.tasks.segmentation.worst import WorstLabelled

        WorstLabelled(setup, samples, network, metric, results, options).draw(progress)

    def predictor(
        self, name: str, setup: SegmentationSetup, model: Segmentor, device: torch.device
    ) -> SegmentationPredictor:
        """Return what labels single images."""
        from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor

        return SegmentationPredictor(name, setup, model, device)

    def timed(
        self,
        setup: SegmentationSetup,
        model: Segmentor,
        images: Sequence[TimedImage],
        scale: tuple[int, int] | None,
        device: torch.device,
    ) -> TimedSegmentor:
        """Return the network and images, resized to a box (width, height), to be timed."""
        from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
        from hrnet_zoo.tasks.segmentation.timed import TimedSegmentor

        return TimedSegmentor(model, images, SegmentationProtocol.of(setup, scale=scale), device)

    def fast_network(self, model: Segmentor, recipe: Recipe) -> Network:
        """Return a fast network up to its coarse logits."""
        from hrnet_zoo.tasks.segmentation.timed import fast_segmentor

        return fast_segmentor(model, recipe)

    @property
    def timing(self) -> Timeable:
        """Any number of images, in any engine."""
        from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING

        return SEGMENTATION_TIMING

    def input_size(self, setup: SegmentationSetup) -> tuple[int, int]:
        """Return a full window, though many images are too low for one, or a typical image."""
        from hrnet_zoo.datasets.transforms import keep_ratio_size

        if isinstance(setup.test, SlideTest):
            return setup.test.crop_size
        typical = DATASETS[setup.dataset].typical_image
        width, height = keep_ratio_size(typical, setup.test.scale)
        return height, width

    def fill(self, model: Any, image: TimedImage, setup: SegmentationSetup) -> None:
        """Fill the network, and spread its classes over an image."""
        import torch

        from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
        from hrnet_zoo.tasks.filled import fill
        from hrnet_zoo.tasks.segmentation.filling import SEGMENTATION_FILLING, spread_classes

        fill(model, SEGMENTATION_FILLING)
        small = resize_keep_ratio(image.pixels, _SMALL)
        cpu = torch.device("cpu")
        spread_classes(model, to_network_input(small, setup.normalisation, cpu))

    def training(self, setup: SegmentationSetup) -> SegmentationTraining:
        """Return one training step on crops."""
        from hrnet_zoo.tasks.segmentation.workloads import SegmentationTraining

        return SegmentationTraining.of(setup)

    def inference(self, setup: SegmentationSetup) -> SegmentationInference:
        """Return one image or window at the single test scale."""
        from hrnet_zoo.tasks.segmentation.workloads import SegmentationInference

        return SegmentationInference.of(setup)
