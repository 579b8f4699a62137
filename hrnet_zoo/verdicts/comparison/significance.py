"""How likely a difference is chance: two tests, and Holm's correction for making many of them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Key = TypeVar("Key", bound=Hashable)


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two sets of samples come from one distribution.

    Args:
        first: N samples of any distribution.
        second: M samples; N and M should be at least 6.

    Source:
        Mann and Whitney 1947, with the normal approximation, corrected for ties and for
        continuity. It is what scipy.stats.mannwhitneyu computes with method="asymptotic".
    """
    n, m = len(first), len(second)
    pooled = np.concatenate([np.asarray(first, np.float64), np.asarray(second, np.float64)])
    _, place, count = np.unique(pooled, return_inverse=True, return_counts=True)
    # Equal samples share the mean of the ranks they take up.
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    statistic = float(rank[:n].sum()) - n * (n + 1) / 2
    ties = float((count.astype(np.float64) ** 3 - count).sum())
    total = n + m
    variance = n * m / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0  # all samples are equal
    distance = max(0.0, abs(statistic - n * m / 2) - 0.5)
    return math.erfc(distance / math.sqrt(2 * variance))


def spread_test(difference: float, spread: float, count: int) -> float:
    """Return the two-sided p-value that a difference of paired samples is none.

    Args:
        difference: as measured.
        spread: standard deviation of the bootstrapped differences.
        count: of the pairs; at least 2.

    Source:
        Student's t test; its tail by Wallace 1959, which is within a few percent of the
        p-value for five pairs, and much closer for more.
    """
    if spread == 0:
        return 1.0 if difference == 0 else 0.0
    free = count - 1
    # Resampling N pairs knows their variance with the divisor N, not N - 1.
    ratio = abs(difference) / (spread * math.sqrt(count / free))
    normal = (8 * free + 1) / (8 * free + 3) * math.sqrt(free * math.log1p(ratio**2 / free))
    return math.erfc(normal / math.sqrt(2))


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Return the p-values, corrected for being several.

    Calling all significant that are below a level afterwards raises a single false alarm among
    all of them with at most that probability, however the tests depend on each other.

    Source:
        Holm 1979: the smallest of N p-values is multiplied by N, the next by N - 1, and so on; none
        may become smaller than the one before.
    """
    corrected, largest = {}, 0.0
    for done, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[key]))
        corrected[key] = largest
    return corrected
