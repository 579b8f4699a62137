"""Class names and colours of every data set; the data themselves are in classes.json.

Names are upstream's to the letter, oddities included (ADE20K's "bed " ends in a space).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """The classes of one data set, in label order."""

    names: tuple[str, ...]
    """One name per class."""
    palette: tuple[tuple[int, int, int], ...]
    """One RGB triple, 0 to 255, per class."""


def class_table(dataset: str) -> ClassTable:
    """Return the classes of the data set called ``dataset``.

    Raises:
        KeyError: there is no such data set.
    """
    return _all_tables()[dataset]


@cache
def _all_tables() -> dict[str, ClassTable]:
    tables = json.loads(files(__package__).joinpath("classes.json").read_text(encoding="utf-8"))
    return {
        dataset: ClassTable(
            names=tuple(name for name, _ in classes),
            palette=tuple((r, g, b) for _, (r, g, b) in classes),
        )
        for dataset, classes in tables.items()
    }
