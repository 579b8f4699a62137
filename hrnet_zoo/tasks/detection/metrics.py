"""The numbers of detection tables; what is counted are detections, scored by COCO's rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from hrnet_zoo.tasks.metric import Metric

Kind = Literal["bbox", "segm"]
"""What COCO calls boxes and masks."""


@dataclass(frozen=True, kw_only=True)
class CocoMetric(Metric):
    """A metric that reads itself off `coco_ap.CocoFigures`."""

    kind: Kind
    """Whether boxes or masks are scored."""

    @property
    def evidence(self) -> str:
        """Return the kind: what was matched with objects is another thing for masks."""
        return self.kind


_BESIDE_AP = {
    "ap50": "AP50",
    "ap75": "AP75",
    "ap_small": "small",
    "ap_medium": "medium",
    "ap_large": "large",
}

_ap = partial(
    CocoMetric,
    unit="percent",
    decimals=1,
    task="detection",
    protocol="single",
    value_of=lambda figures: figures.ap,
    is_default=True,
    beside=_BESIDE_AP,
)


def _titles(*words: str) -> tuple[str, ...]:
    """Return the titles of columns of AP with a word for what is detected."""
    said = [f"{word} {ap}" for word in words for ap in ("AP", "mAP")]
    turned = [f"{ap} {word}" for word in words for ap in ("AP", "mAP")]
    on_val = [f"{title} ({on})" for title in said for on in ("SS", "val", "minival")]
    mean = [f"mAP {word} 50-95" for word in words] + [f"{word} mAP50-95" for word in words]
    return (*said, *turned, *on_val, *mean)


METRICS = (
    _ap(name="box_ap", titles=_titles("box", "bbox"), kind="bbox", per_class=("ap", "box AP")),
    _ap(
        name="mask_ap",
        titles=_titles("mask", "segm"),
        kind="segm",
        apart="mask",
        per_class=("ap", "mask AP"),
    ),
)
