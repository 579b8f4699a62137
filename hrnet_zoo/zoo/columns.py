"""What the columns of results tables hold, and how READMEs spell their titles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple


class _Metric(NamedTuple):
    titles: tuple[str, ...]
    """As READMEs spell them; the first is how we print it."""
    unit: Literal["percent", "GB", "fps", "M", "G"]
    task: str | None = None
    """The task whose models it judges; None where models of all tasks have it."""


METRICS: Mapping[str, _Metric] = {
    "train_memory_gb": _Metric(("Mem (GB)",), "GB"),
    "fps": _Metric(("Inf time (fps)",), "fps"),
    "miou": _Metric(("mIoU",), "percent", "segmentation"),
    "miou_ms_flip": _Metric(("mIoU(ms+flip)",), "percent", "segmentation"),
    "box_ap": _Metric(("box AP",), "percent", "detection"),
    "mask_ap": _Metric(("mask AP",), "percent", "detection"),
    "parameters": _Metric(("Params (M)", "Params", "Parameters (M)", "Parameters"), "M"),
    "flops": _Metric(("Flops (G)",), "G"),
    "top1": _Metric(("Top-1 (%)",), "percent", "classification"),
    "top5": _Metric(("Top-5 (%)",), "percent", "classification"),
}
"""The columns of numbers."""

LABELS: Mapping[str, tuple[str, ...]] = {
    "method": ("Method",),
    "model": ("Model",),
    "arch": ("Arch",),
    "backbone": ("Backbone",),
    "pretrain": ("Pretrain",),
    "input_size": ("Input Size",),
    "crop_size": ("Crop Size",),
    "lr_schd": ("Lr schd",),
    "style": ("Style",),
    "gn": ("GN",),
    "ms_train": ("MS train",),
}
"""The columns that say which model a row is about, and their titles."""

NETWORKS = ("backbone", "model", "arch")
"""The labels that say which network it is; every results table has one."""

LINKS: Mapping[str, tuple[str, ...]] = {
    "config": ("Config",),
    "download": ("Download", "ckpt"),
    "log": ("log",),
}
"""The columns that hold links, which a row does not quote but has as addresses."""

TITLES: Mapping[str, tuple[str, ...]] = {
    **LABELS,
    **{name: metric.titles for name, metric in METRICS.items()},
    **LINKS,
}
"""All columns and their titles in READMEs."""


def normalised(text: str) -> str:
    """Return text as it is compared: lower case, single spaces."""
    return " ".join(text.split()).casefold()


def columns_by_title() -> dict[str, str]:
    """Return a column's title, normalised -> what the column holds."""
    return {normalised(title): column for column, titles in TITLES.items() for title in titles}


def is_percent(quantity: str) -> bool:
    """Whether a quantity is a percentage, which cannot be more than 100."""
    return quantity in METRICS and METRICS[quantity].unit == "percent"


def is_result(column: str) -> bool:
    """Whether a column says how good or fast a model is; its size alone is not a result."""
    return column in METRICS and METRICS[column].unit not in ("M", "G")


def tasks_of(columns: Iterable[str]) -> list[str]:
    """Return the tasks that a table with such columns can be about, by its metrics."""
    tasks = [METRICS[column].task for column in columns if column in METRICS]
    return [task for task in dict.fromkeys(tasks) if task is not None]
