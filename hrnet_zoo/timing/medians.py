"""What a list of latencies says about their median, whatever they are distributed like.

Latencies are skewed and have outliers that belong to somebody else, so means and normal intervals
do not fit. Order statistics need one assumption only: that samples do not depend on each other.
Where they do, fewer count. What differs between processes only other processes can tell.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

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
        """How far the farther end is from the median, as a share of it."""
        return max(self.high - self.median, self.median - self.low) / self.median


@cache
def interval_rank(count: int) -> int:
    """Return k, so that the k-th smallest to k-th largest of ``count`` samples hold the median.

    Each sample is below the true median with probability one half, so the number of those below is
    binomial; k is the largest for which both tails together stay within 5 %. 0: there is none,
    which is so below six samples.
    """
    from scipy.special import bdtr  # noqa: PLC0415 - slow to import, and not always needed

    return int(np.sum(bdtr(np.arange(count), count, 0.5) <= (1 - LEVEL) / 2))


def median_interval(samples: Sequence[float]) -> MedianInterval | None:
    """Return the median of one process with its 95 % interval; None where too few samples count.

    Samples may depend on each other; `bench/studies/latency_coverage.py` finds how often it covers.

    Args:
        samples: in the order taken.
    """
    return _interval(samples, effective_count(samples))


def latency_interval(by_process: Sequence[Sequence[float]]) -> MedianInterval | None:
    """Return a latency with its 95 % interval; None where too few samples count.

    With several processes, the geometric mean of their medians, and Student's interval of it: it
    holds what another process would differ by. That of one process does not.
    """
    if len(by_process) < 2:
        return median_interval(by_process[0]) if by_process else None
    from scipy.special import stdtrit  # noqa: PLC0415 - as above

    logs = [math.log(median(samples)) for samples in by_process]
    middle, count = statistics.fmean(logs), len(logs)
    width = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * statistics.stdev(logs) / math.sqrt(count)
    low, centre, high = (math.exp(middle + sign * width) for sign in (-1, 0, 1))
    return MedianInterval(median=centre, low=low, high=high)


def independent_interval(samples: Sequence[float]) -> MedianInterval | None:
    """Return the same for samples that do not depend on each other, in any order."""
    return _interval(samples, len(samples))


def _interval(samples: Sequence[float], count: float) -> MedianInterval | None:
    """Return the interval that ``count`` independent samples with these quantiles would have."""
    rank = interval_rank(int(count))
    if rank == 0:
        return None
    rank = max(1, int(rank * len(samples) / int(count)))
    ordered = sorted(samples)
    return MedianInterval(median=median(ordered), low=ordered[rank - 1], high=ordered[-rank])


def effective_count(samples: Sequence[float]) -> float:
    """Return how many independent samples would say as much of the median, at most all.

    All, where no dependence shows: chance alone would often have few samples count for less.

    Source:
        Geyer 1992, Practical Markov chain Monte Carlo, section 3.3: sums of two autocorrelations
        each are added up as long as they are positive and do not grow; here of ranks, which
        outliers do not move.
    """
    count = len(samples)
    if not depend(samples):
        return count
    correlations = _rank_autocorrelations(samples)
    pairs = correlations[: count // 2 * 2].reshape(-1, 2).sum(axis=1)
    positive = np.minimum.accumulate(pairs[: np.argmax(np.append(pairs, 0) <= 0)])
    return count / max(1.0, 2 * float(positive.sum()) - 1)


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
    return independent_interval([a / b for a, b in zip(over, under, strict=True)])


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
    early, late = independent_interval(samples[:half]), independent_interval(samples[half:])
    if early is None or late is None:
        return False
    return early.high < late.low or late.high < early.low


def rank_autocorrelation(samples: Sequence[float]) -> float:
    """Return how far the rank of a sample tells that of the next one, from -1 to 1; 0 if all equal.

    It is near 0 where samples do not depend on each other, whatever they are distributed like.
    """
    return float(_rank_autocorrelations(samples)[1])


def _rank_autocorrelations(samples: Sequence[float]) -> NDArray[np.float64]:
    """Return [N] float64: by how many places samples are apart -> how far ranks tell each other."""
    # The place of every sample among all; equal ones share the mean of theirs.
    _, group, sizes = np.unique(samples, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group] - (len(samples) + 1) / 2
    spread = float(ranks @ ranks)
    # Zeros behind keep the end from wrapping around to the beginning.
    waves = np.fft.rfft(ranks, 2 * len(ranks))
    products: NDArray[np.float64] = np.fft.irfft(np.abs(waves) ** 2)[: len(ranks)]
    return products / spread if spread else np.zeros(len(ranks))


def depend(samples: Sequence[float]) -> bool:
    """Whether samples follow their neighbours more than chance lets independent ones.

    Their autocorrelation is then more than two of its standard errors above 0, which that of
    independent samples is in 2 of 100 cases. Too few for an interval are not blamed.
    """
    if interval_rank(len(samples)) == 0:
        return False
    return rank_autocorrelation(samples) > 2 / math.sqrt(len(samples))


def chance_alarms(trials: int) -> int:
    """Return the number of false alarms that ``trials`` exceed by chance in under 5 % of cases.

    Each raises one with a probability of 5 %, independently of the others.
    """
    from scipy.special import bdtr  # noqa: PLC0415 - as above

    return int(np.sum(bdtr(np.arange(trials), trials, 1 - LEVEL) < LEVEL))
