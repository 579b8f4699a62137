"""What is done with detectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.legacy import modern_names
from hrnet_zoo.tasks.causes import Hypothesis
from hrnet_zoo.tasks.detection.counterfactuals import hypotheses
from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
from hrnet_zoo.tasks.detection.filling import DETECTION_FILLING
from hrnet_zoo.tasks.detection.metrics import CocoMetric
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.detection.reference import ExpectedDetections
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.detection.timed import DETECTION_TIMING, TimedDetector
from hrnet_zoo.tasks.detection.workloads import DetectionInference, DetectionTraining, untrained
from hrnet_zoo.tasks.detection.worst import WorstDetected
from hrnet_zoo.tasks.networks import Networks
from hrnet_zoo.tasks.probe import Probe
from hrnet_zoo.weights.state_dict import load_strict


class DetectionNetworks(Networks):
    """See `Networks`."""

    predictor = DetectionPredictor
    worst = WorstDetected
    timing = DETECTION_TIMING
    timed_network = TimedDetector
    training = DetectionTraining
    inference = DetectionInference
    expected = ExpectedDetections
    filling = DETECTION_FILLING

    def build(self, setup: DetectionSetup) -> nn.Module:
        """Return the untrained detector."""
        return untrained(setup)

    def dense(self, model: Detector) -> Callable[[Tensor], Any]:
        """Return what computes as far as the candidates of the first selection."""
        return model.dense

    def with_dense(
        self,
        network: Detector,
        change: Callable[[Callable[[Tensor], Any]], Callable[[Tensor], Any]],
    ) -> Detector:
        """Change as far as the candidates; what follows has as many boxes as there are objects."""
        network.dense = change(network.dense)  # type: ignore[method-assign, assignment] # of this one
        return network

    def load_into(self, model: nn.Module, state: dict[str, Tensor]) -> list[str]:
        """Understand old names; leave out and report what only training needs."""
        return load_strict(model, modern_names(state), extra_keys="report")

    def hypotheses(self, probe: Probe) -> Iterator[Hypothesis]:
        """Yield the causes that these networks alone have."""
        return hypotheses(probe)

    def evaluator(
        self,
        setup: DetectionSetup,
        samples: CocoSamples,
        network: Detector,
        metrics: Sequence[CocoMetric],
        device: torch.device,
    ) -> DetectionEvaluator:
        """Return what detects objects; masks only if a metric needs them."""
        kinds = tuple(dict.fromkeys(metric.kind for metric in metrics))
        protocol = DetectionProtocol.of(setup, with_masks="segm" in kinds)
        return DetectionEvaluator(network, samples, protocol, device, kinds)

    def run_all_parts(self, model: Detector, image: Tensor) -> object:
        """Look at as many regions and objects as the detector looks at at most."""
        return model.run_all_parts(image)

    def protocol(self, setup: DetectionSetup, scale: tuple[int, int] | None) -> DetectionProtocol:
        """Return the documented protocol, or with another box."""
        return DetectionProtocol.of(setup, with_masks=True, scale=scale)
