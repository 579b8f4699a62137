"""What is known of each task's setups, as far as READMEs and their names tell them."""

from __future__ import annotations

import re

from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.columns import normalised
from hrnet_zoo.zoo.row import Row, Task

RESNEXT = re.compile(r"x-?101[_-]64x4d", re.IGNORECASE)
_HRNET = re.compile(r"hrnet|^hr\d", re.IGNORECASE)


def method_of(task: Task, name: str) -> str | None:
    """Return what READMEs call the method that a configuration's name begins with."""
    plain = name.replace("-", "_")
    methods = TASKS[task].methods
    return next((title for stem, title in methods.items() if plain.startswith(f"{stem}_")), None)


def architecture_of(task: Task, method: str, label: str) -> str | None:
    """Return the architecture of a method on a backbone, by the names that tables print."""
    wanted = normalised(method)
    for stem, title in TASKS[task].methods.items():
        if wanted in (normalised(title), stem):
            if RESNEXT.search(label):
                return "htc_x101" if stem == "htc" else None
            return f"{stem}_hrnet" if _HRNET.search(label) else None
    return None


def trained_crop(row: Row | None) -> str | None:
    """Return the crop (height x width) of a row's configuration, if its task trains on crops."""
    crop = getattr(row.setup, "train_crop", None) if row else None
    return None if crop is None else f"{crop[0]}x{crop[1]}"
