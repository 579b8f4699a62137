"""From the detections of all images to the numbers of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.coco_results import Result, result_entries
from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.coco_ap import FIGURES, ScoredRun, score_detections
from hrnet_zoo.tasks.detection.metrics import CocoMetric, Kind
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.options import SINGLE, ScoreOptions
from hrnet_zoo.tasks.scored import ClassFigures, Scored


def all_entries(samples: CocoSamples, results: Mapping[str, ImageResult]) -> list[Result]:
    """Return the detections of all images in COCO's form, by the ids of the images."""
    ids = samples.image_ids()
    return [
        entry
        for name in sorted(results, key=ids.__getitem__)
        for entry in result_entries(ids[name], results[name].counted[SINGLE], samples.category_ids)
    ]


def score(
    setup: DetectionSetup,
    samples: CocoSamples,
    metrics: Sequence[CocoMetric],
    results: Mapping[str, ImageResult],
    options: ScoreOptions,
    progress: Progress,
) -> dict[str, Scored]:
    """Return each metric with COCO's other figures; see `Task.score`."""
    entries = all_entries(samples, results)
    ids = samples.image_ids()
    runs: dict[Kind, ScoredRun] = {}
    for kind in dict.fromkeys(metric.kind for metric in metrics):
        progress.begin(f"scoring {len(entries)} detections", None, "")
        runs[kind] = score_detections(
            samples.ground_truth,
            entries,
            kind,
            image_ids=sorted(ids[name] for name in results),
            backend=options.coco_backend,
        )
        for remark in runs[kind].scoring.remarks:
            progress.say(remark)
    names = dict(zip(samples.category_ids, DATASETS[setup.dataset].classes.names, strict=True))
    scored = {}
    for metric in metrics:
        run = runs[metric.kind]
        assert metric.value_of is not None
        scored[metric.name] = Scored(
            value=metric.value_of(run.figures),
            figures={name: getattr(run.figures, name) for name in FIGURES},
            classes=[
                ClassFigures(name=name, figures={"ap": run.figures.per_category[category_id]})
                for category_id, name in names.items()
            ],
            scoring=run.scoring,
        )
    return scored
