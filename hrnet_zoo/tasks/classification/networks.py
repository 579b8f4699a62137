"""What is done with classifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.models import build_classifier
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.bootstrap import percentile_interval
from hrnet_zoo.tasks.classification.evaluation import ClassificationEvaluator
from hrnet_zoo.tasks.classification.filling import CLASSIFICATION_FILLING
from hrnet_zoo.tasks.classification.metrics import TopK
from hrnet_zoo.tasks.classification.predictor import ClassificationPredictor
from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol, Network
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.classification.size import NetworkSize, size_of
from hrnet_zoo.tasks.classification.timed import (
    CLASSIFICATION_TIMING,
    TimedClassifier,
    fast_classifier,
)
from hrnet_zoo.tasks.classification.top_k import (
    class_accuracies,
    likely_accuracies,
    require_k,
    top_k_accuracy,
)
from hrnet_zoo.tasks.classification.workloads import (
    ClassificationInference,
    ClassificationTraining,
)
from hrnet_zoo.tasks.classification.worst import WorstClassified
from hrnet_zoo.tasks.evaluation import ImageResult, by_name
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.tasks.scored import ClassFigures, Scored
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.variants import Recipe


class ClassificationNetworks(Networks):
    """See `Networks`."""

    predictor = ClassificationPredictor
    worst = WorstClassified
    timing = CLASSIFICATION_TIMING
    training = ClassificationTraining
    inference = ClassificationInference
    filling = CLASSIFICATION_FILLING

    def build(self, setup: ClassificationSetup) -> Classifier:
        """Return the untrained classifier."""
        return build_classifier(
            setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            neck_channels=setup.neck_channels,
        )

    def count(self, setup: ClassificationSetup, protocol: str) -> NetworkSize:  # noqa: ARG002
        """Return parameters and Flops, which are counted without any image."""
        with torch.device("meta"):
            model = self.build(setup)
        return size_of(model, setup.test.crop)

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

    def score(
        self,
        setup: ClassificationSetup,
        samples: ClassSamples,
        metrics: Sequence[TopK],
        results: Mapping[str, ImageResult],
        options: ScoreOptions,
        progress: Progress,
    ) -> dict[str, Scored]:
        """Return each metric with its bootstrap interval, and the accuracy on every class."""
        del samples, options, progress
        names = DATASETS[setup.dataset].classes.names
        scored = {}
        for metric in metrics:
            require_k(metric.k, setup.num_classes)
            assert metric.protocol is not None
            rankings = by_name(results, metric.protocol)
            of_classes = class_accuracies(rankings, metric.k, setup.num_classes)
            scored[metric.name] = Scored(
                value=top_k_accuracy(rankings, metric.k),
                interval=percentile_interval(likely_accuracies(rankings, metric.k)),
                classes=[
                    ClassFigures(name=name, figures={metric.name: accuracy})
                    for name, accuracy in zip(names, of_classes, strict=True)
                ],
            )
        return scored

    def timed(
        self,
        setup: ClassificationSetup,
        model: Classifier,
        images: Sequence[TimedImage],
        scale: tuple[int, int] | None,
        device: torch.device,
    ) -> TimedClassifier:
        """Return the network and images to be timed; a scale replaces the crop."""
        protocol = ClassificationProtocol.of(setup)
        if scale is not None:
            crop = min(scale)
            short = round(crop * protocol.resize_short / protocol.crop)
            protocol = replace(protocol, resize_short=short, crop=crop)
        return TimedClassifier(model, images, protocol, device)

    def fast_network(self, model: Classifier, recipe: Recipe) -> Network:
        """Return a fast network up to its logits."""
        return fast_classifier(model, recipe)
