"""Two ways to do one thing, timed in turns: other load on the machine meets both."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Call = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Seconds of two ways to do one thing, measured in turns."""

    what: str
    upstream: list[float]
    ours: list[float]

    @property
    def ratios(self) -> list[float]:
        """How many times as long upstream took, pair by pair."""
        return [a / b for a, b in zip(self.upstream, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def measure(
    what: str, upstream: Call, ours: Call, num_pairs: int, *, enough: float = math.inf
) -> Pairs:
    """Warm both up, then time them in turns.

    Args:
        what: is timed.
        upstream: their way.
        ours: our way.
        num_pairs: to measure at most.
        enough: seconds after which three pairs must do.
    """
    upstream()
    ours()
    pairs: list[tuple[float, float]] = []
    while len(pairs) < num_pairs and (len(pairs) < 3 or sum(map(sum, pairs)) < enough):
        pairs.append((seconds(upstream), seconds(ours)))
    return Pairs(what=what, upstream=[a for a, _ in pairs], ours=[b for _, b in pairs])


def seconds(call: Call) -> float:
    """Return how long a call takes."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
