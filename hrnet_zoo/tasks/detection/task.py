"""Object detection and instance segmentation: boxes, and masks of detectors that have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.detection.metrics import METRICS, Kind
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.reference_bounds import ReferenceBounds
from hrnet_zoo.tasks.task import Task

if TYPE_CHECKING:
    from hrnet_zoo.datasets.coco_samples import CocoSamples
    from hrnet_zoo.datasets.detections import ImageDetections
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.causes import Fact
    from hrnet_zoo.tasks.detection.coco_ap import CocoFigures
    from hrnet_zoo.tasks.detection.matches import Matches
    from hrnet_zoo.tasks.detection.metrics import CocoMetric
    from hrnet_zoo.tasks.detection.networks import DetectionNetworks
    from hrnet_zoo.tasks.evaluation import ImageResult
    from hrnet_zoo.tasks.jackknife import Reweighted
    from hrnet_zoo.tasks.options import ScoreOptions
    from hrnet_zoo.tasks.scored import Scored

_NAMED = 3
"""Classes that a message names at most."""

_EVALUATED_FROM = 0.1
"""Score below which no evaluation of upstream's drops anything: its own threshold is 0.05."""


class DetectionTask(Task):
    """See `Task`."""

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
    most_groups = 50
    most_groups_of_part = 20
    corrects_bias = True
    looks = (100, 250, 500, 1000)

    reference = ReferenceBounds(
        least=0.99,
        reason="other threads, layouts and engines lose none of 100 detections and move scores by "
        "4e-6, but the last one is cut off where scores are nearly equal; a known mistake loses 7 "
        "or more",
    )

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

    def counted(self, name: str) -> type[ImageDetections | Matches]:
        """Return detections, or what of them matches objects as boxes or masks."""
        from hrnet_zoo.datasets.detections import ImageDetections
        from hrnet_zoo.tasks.detection.matches import Matches

        return Matches if name in get_args(Kind) else ImageDetections

    def facts(self, setup: DetectionSetup, counted: Sequence[Matches]) -> Iterator[Fact]:
        """Yield the lowest score that was kept, where more was dropped than evaluations drop."""
        from hrnet_zoo.tasks.causes import Fact

        del setup
        lowest = min((float(each.scores.min()) for each in counted if len(each.scores)), default=0)
        if lowest > _EVALUATED_FROM:
            says = f"the lowest score kept is {lowest:.3f}; evaluations keep {_EVALUATED_FROM}"
            yield Fact(says=says, is_cause=False)

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
        """Let COCO's evaluators score all detections, and hold what was matched against that.

        Raises:
            RuntimeError: it adds up to something else, so one of the two is wrong.
        """
        from hrnet_zoo.tasks.detection.accumulating import figures_of
        from hrnet_zoo.tasks.detection.coco_ap import agrees, difference_of, score_detections
        from hrnet_zoo.tasks.detection.evaluation import all_entries

        entries, ids = all_entries(samples, results), samples.image_ids()
        image_ids, scored = sorted(ids[name] for name in results), {}
        for metric in metrics:
            progress.begin(f"scoring {len(entries)} detections", None, "")
            run = score_detections(
                samples.ground_truth,
                entries,
                metric.kind,
                image_ids=image_ids,
                protocol="mmdet",
                backend=options.coco_backend,
            )
            for remark in run.scoring.remarks:
                progress.say(remark)
            figures = run.figures.by_place(samples.category_ids)
            counted = [results[name].counted[metric.evidence] for name in sorted(results)]
            added_up = figures_of(counted, len(samples.category_ids), "mmdet")
            if not agrees(difference_of(figures, added_up)):
                msg = (
                    f"what was matched in single images adds up to a {metric.title} of "
                    f"{added_up.ap}, but {run.scoring.backend} computes {figures.ap}"
                )
                raise RuntimeError(msg)
            found = self._scored(setup, metric, counted, figures)
            scored[metric.name] = found.model_copy(update={"scoring": run.scoring})
        return scored

    def scored(
        self, setup: DetectionSetup, metric: CocoMetric, counted: Sequence[Matches]
    ) -> Scored:
        """Return a metric with COCO's other figures."""
        from hrnet_zoo.tasks.detection.accumulating import figures_of

        figures = figures_of(counted, len(DATASETS[setup.dataset].classes.names), "mmdet")
        return self._scored(setup, metric, counted, figures)

    def _scored(
        self,
        setup: DetectionSetup,
        metric: CocoMetric,
        counted: Sequence[Matches],
        figures: CocoFigures,
    ) -> Scored:
        from hrnet_zoo.tasks.scored import ClassFigures, Scored

        assert metric.value_of is not None
        names, no_interval = DATASETS[setup.dataset].classes.names, None
        # A class that the part lacks would have its say in the whole: how much, nothing here tells.
        lacking = [names[k] for k, ap in figures.per_category.items() if ap is None]
        if lacking and len(counted) < setup.num_images:
            no_interval = f"none of these images shows {and_more(lacking, _NAMED)}"
        return Scored(
            value=metric.value_of(figures),
            interval=None if no_interval else self.interval(setup, metric, counted),
            no_interval=no_interval,
            figures=dict(figures.twelve),
            classes=[
                ClassFigures(name=name, figures={"ap": figures.per_category[k]})
                for k, name in enumerate(names)
            ],
        )

    def reweighted(self, metric: CocoMetric, counted: Sequence[Matches]) -> Reweighted:
        """Return what computes AP over images that count several times or not at all."""
        from hrnet_zoo.tasks.detection.accumulating import reweighted_ap

        del metric  # its kind has been matched
        return reweighted_ap(counted, len(counted[0].objects))

    def of_shown(
        self, setup: DetectionSetup, metric: CocoMetric, counted: Sequence[Matches]
    ) -> tuple[Reweighted, float]:
        """AP leaves out the classes without objects anyway."""
        import numpy as np

        del setup
        is_shown = np.any([each.objects[:, 0] > 0 for each in counted], axis=0)
        return self.reweighted(metric, counted), float(is_shown.mean())

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
