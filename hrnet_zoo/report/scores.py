"""COCO's figures of a results file: text and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

from tabulate import tabulate

from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.tasks.detection.coco_ap import FIGURES
from hrnet_zoo.tasks.detection.coco_backends import ScoredRun
from hrnet_zoo.tasks.detection.metrics import Kind

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
    cells = [
        [_FIGURE_TITLES[name], *(_shown(getattr(run.figures, name)) for run in runs.values())]
        for name in FIGURES
    ]
    titles = ["", *(_KIND_TITLES[kind] for kind in runs)]
    align = ("left", *("right" for _ in runs))
    table = tabulate(cells, titles, tablefmt="simple", colalign=align, disable_numparse=True)
    counts = f"{num_results} results on {num_images} of {dataset.num_images} images"
    heading = f"{dataset.title}: {counts}"
    by = dict.fromkeys(_scored_by(run) for run in runs.values())
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
    return json.dumps(content, indent=2, ensure_ascii=False)


def _as_dict(dataset: CocoInstances, run: ScoredRun) -> dict[str, object]:
    names = dict(zip(dataset.category_ids, dataset.classes.names, strict=True))
    parity = run.parity
    return {
        **{name: getattr(run.figures, name) for name in FIGURES},
        "categories": [
            {"id": category, "name": names[category], "ap": ap}
            for category, ap in run.figures.per_category.items()
        ],
        "backend": run.backend,
        "backend_version": run.version,
        "parity": None
        if parity is None
        else {
            "num_images": parity.num_images,
            "largest_difference": parity.largest_difference,
            "agreed": parity.agreed,
        },
        "remarks": list(run.remarks),
    }


def _scored_by(run: ScoredRun) -> str:
    checked = ""
    if run.parity is not None and run.backend != "pycocotools":
        checked = f", which agrees with pycocotools on {run.parity.num_images} of the images"
    return f"scored by {run.backend} {run.version}{checked}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
