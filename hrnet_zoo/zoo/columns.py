"""What the columns of results tables hold, and how READMEs spell their titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from hrnet_zoo.tasks import METRICS

LABELS: Mapping[str, tuple[str, ...]] = {
    "method": ("Method", "Methods", "Framework", "Algorithm"),
    "model": ("Model", "Models", "Model Name", "Name", "Network"),
    "arch": ("Arch", "Architecture"),
    "backbone": ("Backbone", "Encoder"),
    "dataset": ("Dataset", "Data set"),
    "pretrain": ("Pretrain", "Pre-train", "Pretraining", "Pretrained"),
    "input_size": ("Input Size", "Image Size", "img_size", "Resolution"),
    "crop_size": ("Crop Size",),
    "lr_schd": ("Lr schd", "Lr sched", "Lr schedule"),
    "style": ("Style",),
    "gn": ("GN",),
    "ms_train": ("MS train",),
}
"""The columns that say which model a row is about, and their titles."""

_TAG = re.compile(r"<[^<>]*>")
_IGNORED = re.compile(r"[\s()\[\]%#@*+/_,.:|`~^\\\u2191\u2193-]+")
"""What titles are spelt with or without. Arrows say whether more is better."""

NETWORKS = ("backbone", "model", "arch")
"""The labels that say which network it is; every results table has one."""

LINKS: Mapping[str, tuple[str, ...]] = {
    "config": ("Config",),
    "download": ("Download", "ckpt"),
    "log": ("log",),
}
"""The columns that hold links, which a row does not quote but has as addresses."""


def titles_of_columns() -> dict[str, tuple[str, ...]]:
    """Return all columns and their titles in READMEs; a program may have added metrics."""
    return {**LABELS, **{name: metric.titles for name, metric in METRICS.items()}, **LINKS}


def normalised(text: str) -> str:
    """Return text as it is compared: lower case, single spaces."""
    return " ".join(text.split()).casefold()


def title_key(title: str) -> str:
    """Return what is the same for all spellings of a title: "mIoU(ms+flip)", "mIoU ms/flip"."""
    import html  # noqa: PLC0415 - of commands that read READMEs

    return normalised(_IGNORED.sub(" ", html.unescape(_TAG.sub(" ", title))))


def is_percent(quantity: str) -> bool:
    """Whether a quantity is a percentage, which cannot be more than 100."""
    return quantity in METRICS and METRICS[quantity].largest == 100


def is_result(column: str) -> bool:
    """Whether a column says how good or fast a model is; its size alone is not a result."""
    return column in METRICS and METRICS[column].unit not in ("M", "G")


def tasks_of(columns: Iterable[str]) -> list[str]:
    """Return the tasks that a table with such columns can be about, by its metrics."""
    tasks = [METRICS[column].task for column in columns if column in METRICS]
    return [task for task in dict.fromkeys(tasks) if task is not None]
