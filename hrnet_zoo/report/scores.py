"""COCO's figures of a results file: text and JSON."""

from __future__ import annotations

from collections.abc import Mapping

from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.report.text import aligned, or_dash, to_json
from hrnet_zoo.tasks.detection.coco_ap import PROTOCOLS, ProtocolName, ScoredRun, agrees
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
    "ar_small": "AR small",
    "ar_medium": "AR medium",
    "ar_large": "AR large",
}


def scores_as_text(
    dataset: CocoInstances,
    num_images: int,
    num_results: int,
    protocol: ProtocolName,
    runs: Mapping[Kind, ScoredRun],
) -> str:
    """Return the figures for reading, in percent.

    Args:
        dataset: what was scored on.
        num_images: images of it that were evaluated.
        num_results: entries of the results file.
        protocol: by which it was scored.
        runs: what was scored.
    """
    figures = [run.figures.twelve for run in runs.values()]
    cells = [
        [_title(name), *(or_dash(of_kind[name], ".3f") for of_kind in figures)]
        for name in figures[0]
    ]
    titles = ["", *(_KIND_TITLES[kind] for kind in runs)]
    table = aligned(titles, cells, "l" + "r" * len(runs))
    counts = f"{num_results} results on {num_images} of {dataset.num_images} images"
    heading = f"{dataset.title}: {counts}"
    few, more, most = PROTOCOLS[protocol]
    by = (
        f"protocol {protocol}: recall at {few}, {more} and {most} detections per image and class; "
        f"AP takes the best 100, AP50, AP75 and the sizes {most}"
    )
    scored_by = dict.fromkeys(_scored_by(run.scoring) for run in runs.values())
    return "\n".join([heading, *(f"  {line}" for line in table.splitlines()), by, *scored_by])


def scores_as_json(
    dataset: CocoInstances,
    num_images: int,
    num_results: int,
    protocol: ProtocolName,
    runs: Mapping[Kind, ScoredRun],
) -> str:
    """Return the same as `scores_as_text` and the AP of every category, for programs."""
    content = {
        "dataset": dataset.name,
        "num_images": num_images,
        "num_expected": dataset.num_images,
        "num_results": num_results,
        "protocol": {"name": protocol, "max_dets": PROTOCOLS[protocol]},
        "scores": {kind: _as_dict(dataset, run) for kind, run in runs.items()},
    }
    return to_json(content)


def _title(figure: str) -> str:
    return _FIGURE_TITLES.get(figure) or figure.replace("ar_", "AR at ")


def _as_dict(dataset: CocoInstances, run: ScoredRun) -> dict[str, object]:
    scoring = run.scoring
    parity = {
        "num_images": scoring.parity_num_images,
        "largest_difference": scoring.parity_largest_difference,
        "agreed": agrees(scoring.parity_largest_difference),
    }
    names = dict(zip(dataset.category_ids, dataset.classes.names, strict=True))
    return {
        **run.figures.twelve,
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
