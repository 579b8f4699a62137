"""How far a value over some images may be from that over others, by leaving images out in turn.

Images are what varies between a sample and the next. Leaving each of them out, or each of some
groups, says how much. Where the images are a random part of a data set, the rest of it is finite,
and the more of it was seen the less can be wrong: that is the finite-population factor.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.scored import Interval

LEVEL = 0.95

_SEED = 0

Reweighted = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From how often each image counts, [D, N], to the values, [D]; NaN where there is none."""


def kept(num_images: int, most_groups: int) -> NDArray[np.float64]:
    """Return which images are left when each group is left out, [G, N] of 0 and 1.

    Args:
        num_images: at least two.
        most_groups: groups are single images up to so many, and random ones of nearly equal size
            beyond; always the same ones.
    """
    num_groups = min(num_images, most_groups)
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(num_images)
    group_of = np.empty(num_images, np.int64)
    group_of[order] = np.arange(num_images) % num_groups
    left = group_of != np.arange(num_groups)[:, None]
    return np.asarray(left, np.float64)


def standard_error(left_out: NDArray[np.float64]) -> float:
    """Return the standard error of a value from those with a group left out, [G].

    It is that of a sample from an endless population.
    """
    groups = len(left_out)
    return float(math.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum()))


def bias(value: float, left_out: NDArray[np.float64]) -> float:
    """Return by how much values over so few images are too high on average.

    A bias falls as the number of images grows, so leaving out a group shows a part of it. AP of a
    hundred images is points too high: fewer wrong detections stand before the right ones.

    Args:
        value: over all images.
        left_out: those with a group left out, [G].
    """
    return float((len(left_out) - 1) * (left_out.mean() - value))


def quantile(level: float, num_groups: int) -> float:
    """Return by how many standard errors an end of a one-sided interval is away from the value.

    Args:
        level: probability that what is sought lies on its side of the end.
        num_groups: from which the standard error was estimated.
    """
    # scipy.stats says the same, and takes four times as long to import.
    from scipy.special import stdtrit  # noqa: PLC0415

    return float(stdtrit(num_groups - 1, level))


def finite(num_images: int, population: int | None) -> float:
    """Return the finite-population factor of a standard error.

    Args:
        num_images: in the part.
        population: images of the whole, of which the part was drawn at random; None: no such whole.
    """
    if population is None:
        return 1.0
    return math.sqrt(max(0.0, (population - num_images) / max(population - 1, 1)))


def interval(
    reweighted: Reweighted,
    num_images: int,
    population: int | None,
    most_groups: int,
    *,
    corrects_bias: bool = True,
) -> Interval | None:
    """Return the 95 % interval of a value; None below two images or where a value is missing.

    Args:
        reweighted: the value of images that count so often.
        num_images: N.
        population: images of the whole data set, if these are a random part of it: the interval is
            for its value. None: these are all, and the interval is for other images like them.
        most_groups: see `kept`.
        corrects_bias: whether the bias of a part is taken off; see `Task.corrects_bias`.
    """
    found = _left_out(reweighted, num_images, most_groups)
    if found is None:
        return None
    value, left_out = found
    error = standard_error(left_out) * finite(num_images, population)
    half = quantile((1 + LEVEL) / 2, len(left_out)) * error
    if corrects_bias and population is not None:
        # The whole has a bias of its own, which its documented value has, too.
        value -= bias(value, left_out) * (1 - num_images / population)
    return Interval(
        low=value - half,
        high=value + half,
        level=LEVEL,
        method="jackknife",
        groups=len(left_out),
        population=population,
    )


def upper_bound(
    reweighted: Reweighted, num_images: int, population: int, most_groups: int, level: float
) -> float | None:
    """Return what the value of the whole data set is at most; None as for `interval`.

    AP of a part is too high on average, which can only make the bound too high.

    Args:
        reweighted: the value of images that count so often.
        num_images: N, a random part.
        population: images of the whole data set.
        most_groups: see `kept`.
        level: probability that it is at most that.
    """
    found = _left_out(reweighted, num_images, most_groups)
    if found is None:
        return None
    value, left_out = found
    error = standard_error(left_out) * finite(num_images, population)
    return value + quantile(level, len(left_out)) * error


def _left_out(
    reweighted: Reweighted, num_images: int, most_groups: int
) -> tuple[float, NDArray[np.float64]] | None:
    """Return a value and those with a group left out; None if there is none of them."""
    if num_images < 2:
        return None
    (value,) = reweighted(np.ones((1, num_images)))
    left_out = reweighted(kept(num_images, most_groups))
    if not np.isfinite([value, *left_out]).all():
        return None
    return float(value), left_out
