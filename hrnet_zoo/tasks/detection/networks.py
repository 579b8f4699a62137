"""What is done with detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.models import build_detector
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.legacy import modern_names
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
from hrnet_zoo.tasks.detection.filling import DETECTION_FILLING
from hrnet_zoo.tasks.detection.metrics import CocoMetric
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.detection.scoring import score
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.detection.timed import DETECTION_TIMING, TimedDetector, fast_detector
from hrnet_zoo.tasks.detection.workloads import DetectionInference, DetectionTraining
from hrnet_zoo.tasks.detection.worst import WorstDetected
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.tasks.scored import Scored
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.variants import Recipe
from hrnet_zoo.weights.state_dict import load_strict


class DetectionNetworks(Networks):
    """See `Networks`."""

    predictor = DetectionPredictor
    worst = WorstDetected
    timing = DETECTION_TIMING
    training = DetectionTraining
    inference = DetectionInference
    filling = DETECTION_FILLING

    def build(self, setup: DetectionSetup) -> nn.Module:
        """Return the untrained detector."""
        return build_detector(
            setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            channels=setup.channels,
        )

    def load_into(self, model: nn.Module, state: dict[str, Tensor]) -> list[str]:
        """Understand old names; leave out and report what only training needs."""
        return load_strict(model, modern_names(state), extra_keys="report")

    def evaluator(
        self,
        setup: DetectionSetup,
        samples: CocoSamples,
        network: Detector,
        metrics: Sequence[CocoMetric],
        device: torch.device,
    ) -> DetectionEvaluator:
        """Return what detects objects; masks only if a metric needs them."""
        with_masks = any(metric.kind == "segm" for metric in metrics)
        protocol = DetectionProtocol.of(setup, with_masks=with_masks)
        return DetectionEvaluator(network, samples, protocol, device)

    def score(
        self,
        setup: DetectionSetup,
        samples: CocoSamples,
        metrics: Sequence[CocoMetric],
        results: Mapping[str, ImageResult],
        options: ScoreOptions,
        progress: Progress,
    ) -> dict[str, Scored]:
        """Return each metric with COCO's other figures; boxes and masks are scored once each."""
        return score(setup, samples, metrics, results, options, progress)

    def run_all_parts(self, model: Detector, image: Tensor) -> object:
        """Look at as many regions and objects as the detector looks at at most."""
        return model.run_all_parts(image)

    def timed(
        self,
        setup: DetectionSetup,
        model: Detector,
        images: Sequence[TimedImage],
        scale: tuple[int, int] | None,
        device: torch.device,
    ) -> TimedDetector:
        """Return the network and images, resized to a box (width, height), to be timed."""
        protocol = DetectionProtocol.of(setup, with_masks=True, scale=scale)
        return TimedDetector(model, images, protocol, device)

    def fast_network(self, model: Detector, recipe: Recipe) -> Detector:
        """Return a fast detector."""
        return fast_detector(model, recipe)
