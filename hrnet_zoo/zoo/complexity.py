"""How large the rows' networks are and how much they compute.

Counting needs torch, which what shows them must not import, so it was done beforehand:
`tools/count_complexity.py` writes `complexity.json`, which is read here. A test counts all of them
again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hrnet_zoo.tasks.network_size import Complexity
from hrnet_zoo.zoo.row import Row

# Not by importlib.resources, whose import shows in the start-up of `list`.
FILE = Path(__file__).with_name("complexity.json")
"""What was counted, one network and input a line."""

_FIELDS = {
    "architecture",
    "backbone",
    "channels",
    "neck_channels",
    "num_classes",
    "dataset",
    "test",
}


def identity(row: Row) -> dict[str, object]:
    """Return all that a row's network and its input depend on, for JSON."""
    # Not model_dump, for which pydantic would prepare each kind of setup: `list` starts faster.
    found = {name: value for name, value in row.setup if name in _FIELDS}
    return found | {"test": dict(found["test"])}


def complexity_of(row: Row) -> Complexity | None:
    """Return what was counted for a row's network and input, or None if nothing was."""
    return _all_counted().get(_key(identity(row)))


@cache
def _all_counted() -> Mapping[str, Complexity]:
    return {
        _key(entry["row"]): Complexity(
            parameters=entry["parameters"],
            multiply_adds=entry["multiply_adds"],
            input_size=(entry["input"][0], entry["input"][1]),
        )
        for entry in json.loads(FILE.read_text(encoding="utf-8"))
    }


def _key(row: dict[str, object]) -> str:
    return json.dumps(row, sort_keys=True)
