"""Object detection and instance segmentation: boxes, and masks of detectors that have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.tasks.detection.metrics import METRICS
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    from hrnet_zoo.datasets.coco_samples import CocoSamples
    from hrnet_zoo.datasets.detections import ImageDetections
    from hrnet_zoo.tasks.detection.networks import DetectionNetworks
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.tasks.options import ScoreOptions


class DetectionTask(Task):
    """See `Task`.

    AP is not resampled: what an image contributes to it needs annotations, which records lack.
    """

    name = "detection"
    setup = DetectionSetup
    metrics = METRICS
    does = "detects objects"
    answers = "detections"
    methods = {
        "faster_rcnn": "Faster R-CNN",
        "mask_rcnn": "Mask R-CNN",
        "cascade_rcnn": "Cascade R-CNN",
        "cascade_mask_rcnn": "Cascade Mask R-CNN",
        "htc": "Hybrid Task Cascade (HTC)",
        "fcos": "FCOS",
    }

    def describe(self, setup: DetectionSetup) -> list[tuple[str, str]]:
        """Return neck and threshold."""
        return [
            *super().describe(setup),
            ("neck", f"{setup.neck}, {setup.channels} channels"),
            ("score threshold", str(setup.test.score_threshold)),
        ]

    def memory_family(self, setup: DetectionSetup) -> str:
        """Return whether regions are proposed, of which the largest batch is made up."""
        if setup.architecture == "fcos_hrnet":
            return "detectors of one stage"
        return "detectors of two stages"

    @property
    def counted(self) -> type[ImageDetections]:
        """Return detections."""
        from hrnet_zoo.datasets.detections import ImageDetections

        return ImageDetections

    def check_options(self, options: ScoreOptions) -> None:
        """Check that the evaluator asked for by name is installed."""
        from hrnet_zoo.tasks.detection.coco_ap import require_installed

        require_installed(options.coco_backend)

    def save_results(
        self, path: Path, samples: CocoSamples, results: Mapping[str, ImageResult]
    ) -> str:
        """Write COCO's results format."""
        from hrnet_zoo.datasets.coco_results import write_results
        from hrnet_zoo.tasks.detection.evaluation import all_entries

        entries = all_entries(samples, results)
        write_results(path, entries)
        return f"{len(entries)} detections written to {path}"

    def input_size(self, setup: DetectionSetup) -> tuple[int, int]:
        """Return the size of an image that fills the box."""
        return setup.largest_input()

    @property
    def networks(self) -> DetectionNetworks:
        """Return what is done with networks."""
        from hrnet_zoo.tasks.detection.networks import DetectionNetworks

        return DetectionNetworks()
