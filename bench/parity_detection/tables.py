"""The results as people and programs read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.pairs import Pairs
from parity.tables import table, verdict

if TYPE_CHECKING:  # it imports upstream, which must wait for its stand-ins
    from parity_detection.agreement import Agreement


def answers(results: Sequence[Agreement]) -> str:
    """Return a table of matched detections and their largest differences."""
    rows = [
        (
            result.row,
            result.picture,
            f"{result.boxes.num_reference} / {result.boxes.num_ours}",
            len(result.boxes.pairs),
            len(result.exchanged),
            result.classes,
            f"{result.boxes.max_score_difference:.1e}",
            f"{result.boxes.max_corner_difference:.1e}",
            "-" if result.masks is None else result.masks.pixels,
            "-" if result.masks is None else f"{result.masks.iou:.4f}",
            verdict(agrees=result.agrees),
        )
        for result in results
    ]
    headers = (
        "row",
        "picture",
        "detections",
        "matched",
        "exchanged",
        "classes",
        "scores",
        "corners px",
        "mask px",
        "mask IoU",
        "",
    )
    title = "Detections, upstream / ours, and the largest differences of matched ones"
    return table(title, headers, rows)


def as_data(
    answers: Sequence[Agreement], times: Sequence[Pairs], missing: Sequence[str]
) -> dict[str, list[Any]]:
    """Return everything for a JSON file; seconds in full, so that other statistics can be made."""
    return {
        "answers": [asdict(r) | {"agrees": r.agrees} for r in answers],
        "times": [asdict(r) | {"ratios": r.ratios, "ratio": r.ratio} for r in times],
        "not_compared": list(missing),
    }
