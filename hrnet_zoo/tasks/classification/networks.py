"""What is done with classifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.tasks.causes import Hypothesis
from hrnet_zoo.tasks.classification.counterfactuals import hypotheses
from hrnet_zoo.tasks.classification.evaluation import ClassificationEvaluator
from hrnet_zoo.tasks.classification.filling import CLASSIFICATION_FILLING
from hrnet_zoo.tasks.classification.metrics import TopK
from hrnet_zoo.tasks.classification.predictor import ClassificationPredictor
from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol, Network
from hrnet_zoo.tasks.classification.reference import ExpectedClasses
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.classification.size import NetworkSize, size_of
from hrnet_zoo.tasks.classification.timed import CLASSIFICATION_TIMING, TimedClassifier
from hrnet_zoo.tasks.classification.top_k import (
    require_k,
)
from hrnet_zoo.tasks.classification.workloads import (
    ClassificationInference,
    ClassificationTraining,
    untrained,
)
from hrnet_zoo.tasks.classification.worst import WorstClassified
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.probe import Probe


class ClassificationNetworks(Networks):
    """See `Networks`."""

    predictor = ClassificationPredictor
    worst = WorstClassified
    timing = CLASSIFICATION_TIMING
    timed_network = TimedClassifier
    training = ClassificationTraining
    inference = ClassificationInference
    expected = ExpectedClasses
    filling = CLASSIFICATION_FILLING

    def build(self, setup: ClassificationSetup) -> Classifier:
        """Return the untrained classifier."""
        return untrained(setup)

    def count(self, setup: ClassificationSetup, protocol: str) -> NetworkSize:  # noqa: ARG002
        """Return parameters and Flops, which are counted without any image."""
        with torch.device("meta"):
            model = self.build(setup)
        return size_of(model, setup.test.crop)

    def hypotheses(self, probe: Probe) -> Iterator[Hypothesis]:
        """Yield the causes that these networks alone have."""
        return hypotheses(probe)

    def evaluator(
        self,
        setup: ClassificationSetup,
        samples: ClassSamples,
        network: Network,
        metrics: Sequence[TopK],
        device: torch.device,
    ) -> ClassificationEvaluator:
        """Return what ranks classes, after it is clear that there are enough of them."""
        for metric in metrics:
            require_k(metric.k, setup.num_classes)
        protocol = ClassificationProtocol.of(setup)
        return ClassificationEvaluator(network, samples, protocol, device)

    def protocol(
        self, setup: ClassificationSetup, scale: tuple[int, int] | None
    ) -> ClassificationProtocol:
        """Return the documented protocol, or with another crop."""
        protocol = ClassificationProtocol.of(setup)
        if scale is None:
            return protocol
        crop = min(scale)
        short = round(crop * protocol.resize_short / protocol.crop)
        return replace(protocol, resize_short=short, crop=crop)
