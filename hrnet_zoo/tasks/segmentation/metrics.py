"""The numbers of segmentation tables; what is counted are confusion matrices."""

from __future__ import annotations

from functools import partial

from hrnet_zoo.tasks.metric import Metric

MS_FLIP = "ms_flip"
"""The protocol with several scales, each also mirrored."""

_miou = partial(
    Metric,
    unit="percent",
    decimals=2,
    task="segmentation",
    value_of=lambda scores: scores.miou,
)

METRICS = (
    _miou(
        name="miou",
        titles=("mIoU", "Mean IoU", "mIoU (SS)", "mIoU (single-scale)", "mIoU (val)", "val mIoU"),
        protocol="single",
        is_default=True,
        per_class=("iou", "IoU"),
    ),
    _miou(
        name="miou_ms_flip",
        titles=("mIoU(ms+flip)", "mIoU (multi-scale + flip)", "mIoU (flip + ms)"),
        protocol=MS_FLIP,
        apart="ms+flip",
    ),
)
"""Each reads itself off `SegmentationScores` or `ReweightedScores` of `confusion.py`."""
