"""The numbers of segmentation tables; what is counted are confusion matrices."""

from __future__ import annotations

from hrnet_zoo.tasks.metric import Metric

MS_FLIP = "ms_flip"
"""The protocol with several scales, each also mirrored."""

METRICS = (
    Metric(
        name="miou",
        titles=("mIoU",),
        unit="percent",
        decimals=2,
        task="segmentation",
        protocol="single",
        value_of=lambda scores: scores.miou,
        is_default=True,
        per_class=("iou", "IoU"),
    ),
    Metric(
        name="miou_ms_flip",
        titles=("mIoU(ms+flip)",),
        unit="percent",
        decimals=2,
        task="segmentation",
        protocol=MS_FLIP,
        value_of=lambda scores: scores.miou,
        apart="ms+flip",
    ),
)
"""Each reads itself off `SegmentationScores` or `ResampledScores` of `confusion.py`."""
