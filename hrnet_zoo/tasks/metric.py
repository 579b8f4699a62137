"""What a number in a table is: its name, its unit, and how it comes from what was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal

Unit = Literal["percent", "fraction", "GB", "fps", "M", "G"]

ACCURACY_NOISE = Decimal("0.10")
"""Points that two machines may differ by where nobody measured by how much they do.

A choice, not a measurement: other convolution kernels, library versions and decoders flip the few
pixels or boxes that sit on a tie. Real mistakes can be as small, which is why runs measure their
own noise, and whether they agree with upstream's code.
"""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One kind of number that tables document."""

    name: str
    """As the manifest, records and the command line spell it."""
    titles: tuple[str, ...]
    """Titles of its columns in READMEs; the first is what people call it. Brackets, signs and case
    do not matter."""
    unit: Unit
    decimals: int
    """Digits after the point that tables print, where nothing is printed to take them from."""
    task: str | None = None
    """The task whose rows have it; None: rows of every task."""
    protocol: str | None = None
    """The pass over the data set from which it comes; all metrics of one protocol share the pass.
    None: `verify` does not measure it."""
    value_of: Callable[[Any], Any] | None = None
    """From what was counted in that pass to the value; what is counted is the task's business."""
    noise: Decimal = ACCURACY_NOISE
    """Allowance of runs that measured none, on top of the rounding, in the number's unit."""
    higher_is_better: bool = True
    is_default: bool = False
    """Whether `verify` measures it if no metrics are named."""
    apart: str = ""
    """What tells it from the first accuracy of its rows, in charts: "ms+flip"."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """Other figures of the same pass that are said after the verdict, with their titles."""
    per_class: tuple[str, str] | None = None
    """The figure of every class that is shown for it, and its title."""

    @property
    def title(self) -> str:
        """Return what people call it."""
        return self.titles[0]

    @property
    def evidence(self) -> str:
        """Return under which name an image's result has what the metric is computed from."""
        return self.protocol or ""

    @property
    def is_accuracy(self) -> bool:
        """Whether it tells how right a network's answers are, rather than what they cost."""
        return self.unit in ("percent", "fraction")

    @property
    def largest(self) -> int | None:
        """Return the largest value it can have, or None if there is no limit."""
        return {"percent": 100, "fraction": 1}.get(self.unit)


TRAIN_MEMORY_GB = Metric(
    name="train_memory_gb",
    titles=("Mem (GB)", "Memory (GB)", "Train mem (GB)", "Training memory (GB)"),
    unit="GB",
    decimals=1,
    higher_is_better=False,
)
SINGLE = "single"
"""The protocol that every task has: each image once, as the setup's test says."""
SIZE = "size"
"""The protocol of what is counted of a network alone, without data and weights."""

_size = partial(
    Metric, decimals=2, protocol=SIZE, noise=Decimal(0), higher_is_better=False, is_default=True
)
PARAMS_M = _size(
    name="params_m",
    titles=(
        "Params (M)",
        "Params",
        "Parameters (M)",
        "Parameters",
        "Param",
        "Param (M)",
        "param_count",
    ),
    unit="M",
    value_of=lambda size: size.parameters / 1e6,
)
FLOPS_G = _size(
    name="flops_g",
    titles=("Flops (G)", "Flops", "GFLOPs", "GMACs", "MACs (G)"),
    unit="G",
    value_of=lambda size: size.operations / 1e9,
)
FPS = Metric(
    name="fps",
    titles=("fps", "Inf time (fps)", "Inference time (fps)", "Speed (fps)"),
    unit="fps",
    decimals=1,
)
