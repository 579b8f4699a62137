"""What is done with segmentors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.bootstrap import percentile_interval
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.scored import ClassFigures, Scored
from hrnet_zoo.tasks.segmentation.confusion import (
    SegmentationScores,
    SparseCounts,
    resampled_values,
    total,
)
from hrnet_zoo.tasks.segmentation.evaluation import SegmentationEvaluator
from hrnet_zoo.tasks.segmentation.filling import SEGMENTATION_FILLING, spread_classes
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, evaluated_network
from hrnet_zoo.tasks.segmentation.reference import ExpectedLabels
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup
from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING, TimedSegmentor
from hrnet_zoo.tasks.segmentation.workloads import (
    SegmentationInference,
    SegmentationTraining,
    untrained,
)
from hrnet_zoo.tasks.segmentation.worst import WorstLabelled
from hrnet_zoo.timing.inputs import TimedImage

_SMALL = (256, 256)
"""Box of the image that a filled classifier is adjusted on; more would only take longer."""


class SegmentationNetworks(Networks):
    """See `Networks`."""

    predictor = SegmentationPredictor
    worst = WorstLabelled
    timing = SEGMENTATION_TIMING
    timed_network = TimedSegmentor
    training = SegmentationTraining
    inference = SegmentationInference
    expected = ExpectedLabels
    filling = SEGMENTATION_FILLING

    def build(self, setup: SegmentationSetup) -> nn.Module:
        """Return the untrained segmentor."""
        return untrained(setup)

    def fill(self, model: Any, image: TimedImage, setup: SegmentationSetup) -> None:
        """Fill the network, and spread its classes over an image."""
        super().fill(model, image, setup)
        small = resize_keep_ratio(image.pixels, _SMALL)
        cpu = torch.device("cpu")
        spread_classes(model, to_network_input(small, setup.normalisation, cpu))

    def dense(self, model: Segmentor) -> Network:
        """Return what computes the coarse logits."""
        return model.coarse_logits

    def network(self, model: Segmentor) -> Network:
        """Return a folded copy, up to its coarse logits."""
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
        names = dict.fromkeys(metric.protocol for metric in metrics if metric.protocol)
        protocols = {name: SegmentationProtocol.of(setup, name) for name in names}
        return SegmentationEvaluator(network, samples, protocols, device)

    def scored(
        self, setup: SegmentationSetup, metric: Metric, counted: list[SparseCounts]
    ) -> Scored:
        """Return a metric with its bootstrap interval, and the scores of all classes."""
        assert metric.value_of is not None
        names = DATASETS[setup.dataset].classes.names
        scores = SegmentationScores.of(total(counted, setup.num_classes))
        return Scored(
            value=metric.value_of(scores),
            interval=percentile_interval(resampled_values(counted, metric.value_of)),
            figures={"macc": scores.macc, "aacc": scores.aacc},
            classes=[
                ClassFigures(name=name, figures={"iou": iou, "accuracy": accuracy})
                for name, iou, accuracy in zip(names, scores.iou, scores.accuracy, strict=True)
            ],
        )

    def protocol(
        self, setup: SegmentationSetup, scale: tuple[int, int] | None
    ) -> SegmentationProtocol:
        """Return the documented protocol, or with another box."""
        return SegmentationProtocol.of(setup, scale=scale)
