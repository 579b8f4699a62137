"""Object detection and instance segmentation: boxes, and masks of detectors that have them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrnet_zoo.tasks.detection.metrics import METRICS, CocoMetric
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.options import ScoreOptions, WorstOptions
from hrnet_zoo.tasks.scored import Scored
from hrnet_zoo.tasks.task import MemoryBounds, Task

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from hrnet_zoo.datasets.coco_samples import CocoSamples
    from hrnet_zoo.datasets.detections import ImageDetections
    from hrnet_zoo.models.detection.detector import Detector
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
    from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
    from hrnet_zoo.tasks.detection.timed import TimedDetector
    from hrnet_zoo.tasks.detection.workloads import DetectionInference, DetectionTraining
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.timing.inputs import TimedImage
    from hrnet_zoo.timing.variants import Recipe, Timeable


class DetectionTask(Task):
    """See `Task`.

    AP is not resampled: what an image contributes to it needs annotations, which records lack.
    """

    name = "detection"
    setup = DetectionSetup
    metrics = METRICS
    does = "detects objects"
    methods = {
        "faster_rcnn": "Faster R-CNN",
        "mask_rcnn": "Mask R-CNN",
        "cascade_rcnn": "Cascade R-CNN",
        "cascade_mask_rcnn": "Cascade Mask R-CNN",
        "htc": "Hybrid Task Cascade (HTC)",
        "fcos": "FCOS",
    }
    memory = MemoryBounds(
        low=0.85,
        high=1.05,
        reason="a prediction counts tensors only, for the largest batch and a crowded image; "
        "upstream's own models, predicted the same way, give 0.86 to 0.96",
    )

    def describe(self, setup: DetectionSetup) -> list[tuple[str, str]]:
        """Return neck and threshold."""
        return [
            *super().describe(setup),
            ("neck", f"{setup.neck}, {setup.channels} channels"),
            ("score threshold", str(setup.test.score_threshold)),
        ]

    def build(self, setup: DetectionSetup) -> nn.Module:
        """Return the untrained detector."""
        from hrnet_zoo.models import build_detector

        return build_detector(
            setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            channels=setup.channels,
        )

    def load_into(self, model: nn.Module, state: dict[str, Tensor]) -> list[str]:
        """Understand old names; leave out and report what only training needs."""
        from hrnet_zoo.models.detection.legacy import modern_names
        from hrnet_zoo.weights.state_dict import load_strict

        return load_strict(model, modern_names(state), extra_keys="report")

    def network(self, model: Detector) -> Detector:
        """Return a folded copy."""
        from hrnet_zoo.models.folding import folded

        return folded(model)

    def evaluator(
        self,
        setup: DetectionSetup,
        samples: CocoSamples,
        network: Detector,
        metrics: Sequence[CocoMetric],
        device: torch.device,
    ) -> DetectionEvaluator:
        """Return what detects objects; masks only if a metric needs them."""
        from hrnet_zoo.tasks.detection.evaluation import DetectionEvaluator
        from hrnet_zoo.tasks.detection.protocol import DetectionProtocol

        with_masks = any(metric.kind == "segm" for metric in metrics)
        protocol = DetectionProtocol.of(setup, with_masks=with_masks)
        return DetectionEvaluator(network, samples, protocol, device)

    def from_text(self, text: str) -> ImageDetections:
        """Return detections."""
        from hrnet_zoo.datasets.detections import ImageDetections

        try:
            return ImageDetections.from_text(text)
        except zlib.error as error:
            raise ValueError(str(error)) from None

    def check_options(self, options: ScoreOptions) -> None:
        """Check that the evaluator asked for by name is installed."""
        from hrnet_zoo.tasks.detection.coco_ap import require_installed

        require_installed(options.coco_backend)

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
        from hrnet_zoo.tasks.detection.scoring import score

        return score(setup, samples, metrics, results, options, progress)

    def save_results(
        self, path: Path, samples: CocoSamples, results: Mapping[str, ImageResult]
    ) -> str:
        """Write COCO's results format."""
        from hrnet_zoo.datasets.coco_results import write_results
        from hrnet_zoo.tasks.detection.scoring import all_entries

        entries = all_entries(samples, results)
        write_results(path, entries)
        return f"{len(entries)} detections written to {path}"

    def draw_worst(
        self,
        setup: DetectionSetup,
        samples: CocoSamples,
        network: Detector,
        metric: CocoMetric,
        results: Mapping[str, ImageResult],
        options: WorstOptions,
        progress: Progress,
    ) -> None:
        """Draw truth beside detections."""
        from hrnet_zoo.tasks.detection.worst import WorstDetected

        WorstDetected(setup, samples, network, metric, results, options).draw(progress)

    def predictor(
        self, name: str, setup: DetectionSetup, model: Detector, device: torch.device
    ) -> DetectionPredictor:
        """Return what detects objects in single images."""
        from hrnet_zoo.tasks.detection.predictor import DetectionPredictor

        return DetectionPredictor(name, setup, model, device)

    def timed(
        self,
        setup: DetectionSetup,
        model: Detector,
        images: Sequence[TimedImage],
        scale: tuple[int, int] | None,
        device: torch.device,
    ) -> TimedDetector:
        """Return the network and images, resized to a box (width, height), to be timed."""
        from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
        from hrnet_zoo.tasks.detection.timed import TimedDetector

        protocol = DetectionProtocol.of(setup, with_masks=True, scale=scale)
        return TimedDetector(model, images, protocol, device)

    def fast_network(self, model: Detector, recipe: Recipe) -> Detector:
        """Return a fast detector."""
        from hrnet_zoo.tasks.detection.timed import fast_detector

        return fast_detector(model, recipe)

    @property
    def timing(self) -> Timeable:
        """One image at a time, in torch only."""
        from hrnet_zoo.tasks.detection.timed import DETECTION_TIMING

        return DETECTION_TIMING

    def input_size(self, setup: DetectionSetup) -> tuple[int, int]:
        """Return the size of an image that fills the box."""
        return setup.largest_input()

    def run_all_parts(self, model: Detector, image: Tensor) -> object:
        """Look at as many regions and objects as the detector looks at at most."""
        return model.run_all_parts(image)

    def fill(self, model: Any, image: TimedImage, setup: DetectionSetup) -> None:
        """Fill the network."""
        from hrnet_zoo.tasks.detection.filling import DETECTION_FILLING
        from hrnet_zoo.tasks.filled import fill

        del image, setup
        fill(model, DETECTION_FILLING)

    def training(self, setup: DetectionSetup) -> DetectionTraining:
        """Return one training step on a crowded batch."""
        from hrnet_zoo.tasks.detection.workloads import DetectionTraining

        return DetectionTraining.of(setup)

    def inference(self, setup: DetectionSetup) -> DetectionInference:
        """Return one image that fills the box of the resize."""
        from hrnet_zoo.tasks.detection.workloads import DetectionInference

        return DetectionInference.of(setup)
