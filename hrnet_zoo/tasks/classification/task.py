"""Image classification: an image gets one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hrnet_zoo.tasks.classification.metrics import METRICS, TopK
from hrnet_zoo.tasks.classification.setup import ClassificationSetup
from hrnet_zoo.tasks.metric import SIZE, Metric
from hrnet_zoo.tasks.options import ScoreOptions, WorstOptions
from hrnet_zoo.tasks.scored import ClassFigures, Scored
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from hrnet_zoo.datasets.class_samples import ClassSamples
    from hrnet_zoo.models.classifier import Classifier
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.classification.evaluation import ClassificationEvaluator
    from hrnet_zoo.tasks.classification.predictor import ClassificationPredictor
    from hrnet_zoo.tasks.classification.protocol import Network
    from hrnet_zoo.tasks.classification.size import NetworkSize
    from hrnet_zoo.tasks.classification.timed import TimedClassifier
    from hrnet_zoo.tasks.classification.top_k import Ranking
    from hrnet_zoo.tasks.classification.workloads import (
        ClassificationInference,
        ClassificationTraining,
    )
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.timing.inputs import TimedImage
    from hrnet_zoo.timing.variants import Recipe, Timeable


class ClassificationTask(Task):
    """See `Task`."""

    name = "classification"
    setup = ClassificationSetup
    metrics = METRICS
    does = "tells what images show"
    counts = (SIZE,)
    methods = {"hrnet": "HRNet"}
    table_of = "data set"

    def describe(self, setup: ClassificationSetup) -> list[tuple[str, str]]:
        """Return resize and crop."""
        test = setup.test
        return [
            ("test", f"shorter side to {test.resize_short}, {test.crop} x {test.crop} from middle"),
            ("training", f"{setup.samples_per_gpu} samples per GPU on {setup.gpus} GPUs"),
        ]

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return the values of runs over the same images, and of their resamples."""
        from hrnet_zoo.tasks.classification.top_k import resampled_accuracies, top_k_accuracy

        assert isinstance(metric, TopK)
        decoded = [[self.from_text(text) for text in run] for run in runs]
        values = [top_k_accuracy(run, metric.k) for run in decoded]
        return values, resampled_accuracies(decoded, metric.k, draws)

    def build(self, setup: ClassificationSetup) -> Classifier:
        """Return the untrained classifier."""
        from hrnet_zoo.models import build_classifier

        return build_classifier(
            setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            neck_channels=setup.neck_channels,
        )

    def network(self, model: Classifier) -> Network:
        """Return a folded copy."""
        from hrnet_zoo.models.folding import folded

        return folded(model)

    def count(self, setup: ClassificationSetup, protocol: str) -> NetworkSize:  # noqa: ARG002
        """Return parameters and Flops, which are counted without any image."""
        import torch

        from hrnet_zoo.tasks.classification.size import size_of

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
        from hrnet_zoo.tasks.classification.evaluation import ClassificationEvaluator
        from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol
        from hrnet_zoo.tasks.classification.top_k import require_k

        for metric in metrics:
            require_k(metric.k, setup.num_classes)
        protocol = ClassificationProtocol.of(setup)
        return ClassificationEvaluator(network, samples, protocol, device)

    def from_text(self, text: str) -> Ranking:
        """Return class numbers."""
        from hrnet_zoo.tasks.classification.top_k import Ranking

        return Ranking.from_text(text)

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
        from hrnet_zoo.datasets import DATASETS
        from hrnet_zoo.tasks.bootstrap import percentile_interval
        from hrnet_zoo.tasks.classification.top_k import (
            class_accuracies,
            likely_accuracies,
            require_k,
            top_k_accuracy,
        )
        from hrnet_zoo.tasks.evaluation import by_name

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

    def draw_worst(
        self,
        setup: ClassificationSetup,
        samples: ClassSamples,
        network: Network,
        metric: TopK,
        results: Mapping[str, ImageResult],
        options: WorstOptions,
        progress: Progress,
    ) -> None:
        """Draw what the network saw, under true and predicted class."""
        from hrnet_zoo.tasks.classification.worst import WorstClassified

        WorstClassified(setup, samples, network, metric, results, options).draw(progress)

    def predictor(
        self, name: str, setup: ClassificationSetup, model: Classifier, device: torch.device
    ) -> ClassificationPredictor:
        """Return what classifies single images."""
        from hrnet_zoo.tasks.classification.predictor import ClassificationPredictor

        return ClassificationPredictor(name, setup, model, device)

    def timed(
        self,
        setup: ClassificationSetup,
        model: Classifier,
        images: Sequence[TimedImage],
        scale: tuple[int, int] | None,
        device: torch.device,
    ) -> TimedClassifier:
        """Return the network and images to be timed; a scale replaces the crop."""
        from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol
        from hrnet_zoo.tasks.classification.timed import TimedClassifier

        protocol = ClassificationProtocol.of(setup)
        if scale is not None:
            crop = min(scale)
            short = round(crop * protocol.resize_short / protocol.crop)
            protocol = replace(protocol, resize_short=short, crop=crop)
        return TimedClassifier(model, images, protocol, device)

    def fast_network(self, model: Classifier, recipe: Recipe) -> Network:
        """Return a fast network up to its logits."""
        from hrnet_zoo.tasks.classification.timed import fast_classifier

        return fast_classifier(model, recipe)

    @property
    def timing(self) -> Timeable:
        """Any number of images, in torch."""
        from hrnet_zoo.tasks.classification.timed import CLASSIFICATION_TIMING

        return CLASSIFICATION_TIMING

    def box(self, setup: ClassificationSetup) -> tuple[int, int]:
        """Return the crop, which stands for the resize before it, too."""
        return setup.test.crop, setup.test.crop

    def input_size(self, setup: ClassificationSetup) -> tuple[int, int]:
        """Return the crop."""
        return setup.test.crop, setup.test.crop

    def fill(self, model: Any, image: TimedImage, setup: ClassificationSetup) -> None:
        """Fill the network."""
        from hrnet_zoo.tasks.classification.filling import CLASSIFICATION_FILLING
        from hrnet_zoo.tasks.filled import fill

        del image, setup
        fill(model, CLASSIFICATION_FILLING)

    def training(self, setup: ClassificationSetup) -> ClassificationTraining:
        """Return one training step on crops."""
        from hrnet_zoo.tasks.classification.workloads import ClassificationTraining

        return ClassificationTraining.of(setup)

    def inference(self, setup: ClassificationSetup) -> ClassificationInference:
        """Return one crop."""
        from hrnet_zoo.tasks.classification.workloads import ClassificationInference

        return ClassificationInference.of(setup)
