"""The numbers of detection tables; what is counted are detections, scored by COCO's rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hrnet_zoo.tasks.metric import Metric

Kind = Literal["bbox", "segm"]
"""What COCO calls boxes and masks."""


@dataclass(frozen=True, kw_only=True)
class CocoMetric(Metric):
    """A metric that reads itself off `coco_ap.CocoFigures`."""

    kind: Kind
    """Whether boxes or masks are scored."""


_BESIDE_AP = {
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "small",
    "ap_medium": "medium",
    "ap_large": "large",
}

METRICS = (
    CocoMetric(
        name="box_ap",
        titles=("box AP",),
        unit="percent",
        decimals=1,
        task="detection",
        protocol="single",
        kind="bbox",
        value_of=lambda figures: figures.ap,
        is_default=True,
        beside=_BESIDE_AP,
        per_class=("ap", "box AP"),
    ),
    CocoMetric(
        name="mask_ap",
        titles=("mask AP",),
        unit="percent",
        decimals=1,
        task="detection",
        protocol="single",
        kind="segm",
        value_of=lambda figures: figures.ap,
        is_default=True,
        apart="mask",
        beside=_BESIDE_AP,
        per_class=("ap", "mask AP"),
    ),
)
