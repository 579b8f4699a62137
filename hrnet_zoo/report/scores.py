"""COCO's figures of a results file: text and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.layouts import DETECTION_DATASETS
from hrnet_zoo.report.text import aligned, or_dash, to_json
from hrnet_zoo.tasks.detection.coco_ap import FIGURES, Kind
from hrnet_zoo.tasks.detection.coco_backends import ScoredRun

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
    dataset: str, num_images: int, num_results: int, runs: Mapping[Kind, ScoredRun]
) -> str:
    """Return the figures for reading, in percent.

    Args:
        dataset: name of the data set.
        num_images: images of it that were evaluated.
        num_results: entries of the results file.
        runs: what was scored.
    """
    layout = DETECTION_DATASETS[dataset]
    figures = [run.figures for run in runs.values()]
    cells = [
        [_FIGURE_TITLES[name], *(or_dash(getattr(of_kind, name), ".3f") for of_kind in figures)]
        for name in FIGURES
    ]
    titles = ["", *(_KIND_TITLES[kind] for kind in runs)]
    table = aligned(titles, cells, "l" + "r" * len(runs))
    heading = f"{layout.title}: {num_results} results on {num_images} of {layout.num_images} images"
    by = dict.fromkeys(_scored_by(run) for run in runs.values())
    return "\n".join([heading, *(f"  {line}" for line in table.splitlines()), *by])


def scores_as_json(
    dataset: str, num_images: int, num_results: int, runs: Mapping[Kind, ScoredRun]
) -> str:
    """Return the same as `scores_as_text` and the AP of every category, for programs."""
    content = {
        "dataset": dataset,
        "num_images": num_images,
        "num_expected": DETECTION_DATASETS[dataset].num_images,
        "num_results": num_results,
        "scores": {kind: _as_dict(dataset, run) for kind, run in runs.items()},
    }
    return to_json(content)


def _as_dict(dataset: str, run: ScoredRun) -> dict[str, object]:
    names = dict(
        zip(DETECTION_DATASETS[dataset].category_ids, class_table(dataset).names, strict=True)
    )
    return {
        **{name: getattr(run.figures, name) for name in FIGURES},
        "categories": [
            {"id": category, "name": names[category], "ap": ap}
            for category, ap in run.figures.per_category.items()
        ],
        "backend": run.backend,
        "backend_version": run.version,
        "parity": run.parity and asdict(run.parity) | {"agreed": run.parity.agreed},
        "remarks": list(run.remarks),
    }


def _scored_by(run: ScoredRun) -> str:
    checked = ""
    if run.parity is not None and run.backend != "pycocotools":
        checked = f", which agrees with pycocotools on {run.parity.num_images} of the images"
    return f"scored by {run.backend} {run.version}{checked}"
