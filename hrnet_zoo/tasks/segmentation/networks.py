"""What is done with segmentors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.causes import Hypothesis
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.probe import Probe
from hrnet_zoo.tasks.segmentation.counterfactuals import hypotheses
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

    def unfolded(self, model: Segmentor) -> Network:
        """Return the model up to its coarse logits."""
        return model.coarse_logits

    def hypotheses(self, probe: Probe) -> Iterator[Hypothesis]:
        """Yield the causes that these networks alone have."""
        return hypotheses(probe)

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

    def protocol(
        self, setup: SegmentationSetup, scale: tuple[int, int] | None
    ) -> SegmentationProtocol:
        """Return the documented protocol, or with another box."""
        return SegmentationProtocol.of(setup, scale=scale)
