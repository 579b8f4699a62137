"""How large the rows' networks are and how much they compute.

Counting needs torch, so it was done beforehand: `profiling/complexity.py` counts, and
`tools/count_complexity.py` writes `complexity.json`, which is read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hrnet_zoo.zoo.row import Row

CONVENTION = (
    "One multiplication with its addition counts 1, in convolutions, linear layers and matrix "
    "products, for one image or one sliding window of the size given. Not counted: biases, norms, "
    "activations, resizing, RoIAlign, suppression. Detectors look at 1000 regions in each stage "
    "and make masks of 100 objects, each in its own class only."
)
"""What a multiply-add is, and of what."""

FILE = files(__package__).joinpath("complexity.json")
"""What was counted, one network and input a line."""

_FIELDS = {"architecture", "backbone", "channels", "num_classes", "dataset", "test"}


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """The size of a network, and what it computes for one input."""

    parameters: int
    """Learnt numbers; the statistics of BatchNorm are none."""
    multiply_adds: int
    """By `CONVENTION`."""
    input_size: tuple[int, int]
    """(height, width) of that input."""

    def describe_input(self) -> str:
        """Return the input's size for people."""
        return "{} x {}".format(*self.input_size)


def identity(row: Row) -> dict[str, object]:
    """Return all that a row's network and its input depend on, for JSON."""
    return row.setup.model_dump(mode="json", include=_FIELDS)


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
