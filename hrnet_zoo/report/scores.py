"""COCO's figures of a results file: text and JSON."""

from __future__ import annotations

from collections.abc import Mapping

from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.report.text import aligned, or_dash, to_json
from hrnet_zoo.tasks.detection.coco_ap import FIGURES, ScoredRun, agrees
from hrnet_zoo.tasks.detection.metrics import Kind
from hrnet_zoo.tasks.scored import Scoring

_KIND_TITLES: dict[Kind, str] = {"bbox": "boxes", "segm": "masks"}
_FIGURE_TITLES = {
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "AP small",
    "ap_medium": "AP medium",
    "ap_large": "AP large",
    "ar_100": "AR at 100",
    "ar_300": "AR at 300",
    "ar_1000": "AR at 1000",
    "ar_small": "AR small",
    "ar_medium": "AR medium",
    "ar_large": "AR large",
}


def scores_as_text(
    dataset: CocoInstances, num_images: int, num_results: int, runs: Mapping[Kind, ScoredRun]
) -> str:
    """Return the figures for reading, in percent.

    Args:
        dataset: what was scored on.
        num_images: images of it that were evaluated.
        num_results: entries of the results file.
        runs: what was scored.
    """
    figures = [run.figures for run in runs.values()]
    cells = [
        [_FIGURE_TITLES[name], *(or_dash(getattr(of_kind, name), ".3f") for of_kind in figures)]
        for name in FIGURES
    ]
    titles = ["", *(_KIND_TITLES[kind] for kind in runs)]
    table = aligned(titles, cells, "l" + "r" * len(runs))
    counts = f"{num_results} results on {num_images} of {dataset.num_images} images"
    heading = f"{dataset.title}: {counts}"
    by = dict.fromkeys(_scored_by(run.scoring) for run in runs.values())
    return "\n".join([heading, *(f"  {line}" for line in table.splitlines()), *by])


def scores_as_json(
    dataset: CocoInstances, num_images: int, num_results: int, runs: Mapping[Kind, ScoredRun]
) -> str:
    """Return the same as `scores_as_text` and the AP of every category, for programs."""
    content = {
        "dataset": dataset.name,
        "num_images": num_images,
        "num_expected": dataset.num_images,
        "num_results": num_results,
        "scores": {kind: _as_dict(dataset, run) for kind, run in runs.items()},
    }
    return to_json(content)


def _as_dict(dataset: CocoInstances, run: ScoredRun) -> dict[str, object]:
    scoring = run.scoring
    parity = {
        "num_images": scoring.parity_num_images,
        "largest_difference": scoring.parity_largest_difference,
        "agreed": agrees(scoring.parity_largest_difference),
    }
    names = dict(zip(dataset.category_ids, dataset.classes.names, strict=True))
    return {
        **{name: getattr(run.figures, name) for name in FIGURES},
        "categories": [
            {"id": category, "name": names[category], "ap": ap}
            for category, ap in run.figures.per_category.items()
        ],
        "backend": scoring.backend,
        "backend_version": scoring.version,
        "parity": parity if scoring.parity_num_images is not None else None,
        "remarks": scoring.remarks,
    }


def _scored_by(scoring: Scoring) -> str:
    checked = ""
    if scoring.parity_num_images is not None and scoring.backend != "pycocotools":
        checked = f", which agrees with pycocotools on {scoring.parity_num_images} of the images"
    return f"scored by {scoring.backend} {scoring.version}{checked}"
