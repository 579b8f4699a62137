"""What the rows are about: one folder for each task, and the two tables that everything asks.

A program adds its own entries to them before it reads a manifest.
"""

from __future__ import annotations

from hrnet_zoo.tasks.classification.task import ClassificationTask
from hrnet_zoo.tasks.detection.task import DetectionTask
from hrnet_zoo.tasks.metric import FPS, TRAIN_MEMORY_GB, Metric
from hrnet_zoo.tasks.segmentation.task import SegmentationTask
from hrnet_zoo.tasks.task import Task

TASKS: dict[str, Task] = {
    "segmentation": SegmentationTask(),
    "detection": DetectionTask(),
    "classification": ClassificationTask(),
}
"""By the name that tables of a manifest use."""

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        TRAIN_MEMORY_GB,
        FPS,
        *SegmentationTask.metrics,
        *DetectionTask.metrics,
        *ClassificationTask.metrics,
    )
}
"""By name, in the order in which tables and listings show them."""
