"""What a list of latencies says about their median, whatever they are distributed like.

Latencies are skewed and have outliers that belong to somebody else, so means and normal intervals
do not fit. Order statistics need one assumption only: that samples do not depend on each other.

scipy.stats has ranks and binomial tails, too. It takes longer to import than a report of latencies
takes altogether, and these are a few lines each.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

LEVEL = 0.95
"""Of all intervals here."""


@dataclass(frozen=True, kw_only=True)
class MedianInterval:
    """A median and where it would mostly fall, in the unit of the samples."""

    median: float
    low: float
    high: float

    @property
    def relative_width(self) -> float:
        """Return how far the farther end is from the median, as a share of it."""
        return max(self.high - self.median, self.median - self.low) / self.median


def interval_rank(count: int) -> int:
    """Return k, so that the k-th smallest to k-th largest of ``count`` samples hold the median.

    Each sample is below the true median with probability one half, so the number of those below is
    binomial; k is the largest for which both tails together stay within 5 %. 0: there is none,
    which is so below six samples.
    """
    tail, rank = 0.0, 0
    for below in range(count):
        ways = math.lgamma(count + 1) - math.lgamma(below + 1) - math.lgamma(count - below + 1)
        tail += math.exp(ways - count * math.log(2))
        if tail > (1 - LEVEL) / 2:
            break
        rank = below + 1
    return rank


def median_interval(samples: Sequence[float]) -> MedianInterval | None:
    """Return the median with its 95 % interval; None where samples are too few for one."""
    rank = interval_rank(len(samples))
    if rank == 0:
        return None
    ordered = sorted(samples)
    return MedianInterval(median=median(ordered), low=ordered[rank - 1], high=ordered[-rank])


def median(samples: Sequence[float]) -> float:
    """Return the middle sample, or the mean of both; there must be one."""
    return statistics.median(samples)


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """Return the smallest sample that ``percent`` of all do not exceed.

    None where the slower part would be less than one sample: the 99th percentile of twenty samples
    would only be their largest.
    """
    if len(samples) * (100 - percent) < 100:
        return None
    return sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]


def ratio_interval(over: Sequence[float], under: Sequence[float]) -> MedianInterval | None:
    """Return the median of the ratios of samples that were taken in the same rounds.

    What slows a whole round down divides out, so this holds on a machine that drifts, where the
    ratio of two medians would not. An interval that leaves out 1 is a sign test.
    """
    return median_interval([a / b for a, b in zip(over, under, strict=True)])


def differ(first: Sequence[float], second: Sequence[float]) -> bool | None:
    """Whether two variants that took turns differ in latency; None where rounds are too few.

    They do if the 95 % interval of their ratio leaves out 1: a sign test, which says so of equal
    ones in at most 5 of 100 cases, as long as rounds do not depend on each other.
    """
    interval = ratio_interval(first, second)
    return None if interval is None else not interval.low <= 1 <= interval.high


def drifts(samples: Sequence[float]) -> bool:
    """Whether the first half and the second have medians that cannot be the same."""
    half = len(samples) // 2
    early, late = median_interval(samples[:half]), median_interval(samples[half:])
    if early is None or late is None:
        return False
    return early.high < late.low or late.high < early.low


def rank_autocorrelation(samples: Sequence[float]) -> float:
    """Return how far the rank of a sample tells that of the next one, from -1 to 1; 0 if all equal.

    It is near 0 where samples do not depend on each other, whatever they are distributed like.
    """
    ranks = _ranks(samples)
    mean = (len(ranks) + 1) / 2
    spread = sum((rank - mean) ** 2 for rank in ranks)
    if spread == 0:
        return 0.0
    return sum((a - mean) * (b - mean) for a, b in pairwise(ranks)) / spread


def _ranks(samples: Sequence[float]) -> list[float]:
    """Return the place of every sample among all, from 1; equal ones share the mean of theirs."""
    order = sorted(range(len(samples)), key=samples.__getitem__)
    ranks = [0.0] * len(samples)
    first = 0
    for _, group in groupby(order, key=samples.__getitem__):
        members = list(group)
        for member in members:
            ranks[member] = first + (len(members) + 1) / 2
        first += len(members)
    return ranks


def depend(samples: Sequence[float]) -> bool:
    """Whether samples follow their neighbours more than chance lets independent ones.

    Their autocorrelation is then more than two of its standard errors above 0, which that of
    independent samples is in 2 of 100 cases. Intervals are too narrow for samples that do. Too few
    for an interval are not blamed.
    """
    if interval_rank(len(samples)) == 0:
        return False
    return rank_autocorrelation(samples) > 2 / math.sqrt(len(samples))


def chance_alarms(trials: int) -> int:
    """Return the number of false alarms that ``trials`` exceed by chance in under 5 % of cases.

    Each raises one with a probability of 5 %, independently of the others.
    """
    rate = 1 - LEVEL
    covered = 0.0
    for alarms in range(trials + 1):
        covered += math.comb(trials, alarms) * rate**alarms * LEVEL ** (trials - alarms)
        if covered >= LEVEL:
            return alarms
    return trials
