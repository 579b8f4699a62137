"""How likely a difference is chance: two tests, and Holm's correction for making many of them.

SciPy is imported where a test is made: it takes longer to import than a comparison does that has
nothing to test.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Tested = TypeVar("Tested", bound=Hashable)


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two sets of samples come from one distribution.

    Args:
        first: N samples of any distribution.
        second: M samples; N and M should be at least 6.

    Source:
        Mann and Whitney 1947, with the normal approximation, corrected for ties and for
        continuity. The exact distribution knows no ties, which latencies have.
    """
    from scipy.stats import mannwhitneyu  # noqa: PLC0415

    return float(mannwhitneyu(first, second, method="asymptotic").pvalue)


def spread_test(difference: float, spread: float, count: int) -> float:
    """Return the two-sided p-value that a difference of paired samples is none, by Student's t.

    Args:
        difference: as measured.
        spread: standard deviation of the bootstrapped differences.
        count: of the pairs; at least 2.
    """
    if spread == 0:
        return 1.0 if difference == 0 else 0.0
    # scipy.stats.t says the same, and takes four times as long to import.
    from scipy.special import stdtr  # noqa: PLC0415

    free = count - 1
    # Resampling N pairs knows their variance with the divisor N, not N - 1.
    ratio = abs(difference) / (spread * math.sqrt(count / free))
    return float(2 * stdtr(free, -ratio))


def holm(p_values: Mapping[Tested, float]) -> dict[Tested, float]:
    """Return the p-values, corrected for being several.

    Calling all significant that are below a level afterwards raises a single false alarm among
    all of them with at most that probability, however the tests depend on each other.

    Source:
        Holm 1979: the smallest of N p-values is multiplied by N, the next by N - 1, and so on; none
        may become smaller than the one before. SciPy 1.17 has Benjamini and Hochberg's correction
        only, which keeps false alarms to a share of all alarms instead.
    """
    corrected, largest = {}, 0.0
    for done, key in enumerate(sorted(p_values, key=lambda key: p_values[key])):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[key]))
        corrected[key] = largest
    return corrected
