"""Which cause explains a number that is not the documented one, if one clearly does.

Each cause was tried on the same images: the number as it would be without it. A cause is named only
if it closes most of the gap, and clearly more of it than any cause of another family. What is left
is said as it is: a number alone proves no cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.causes import Cause, Fact
from hrnet_zoo.tasks.jackknife import Reweighted, finite, kept, quantile, standard_error
from hrnet_zoo.zoo.row import Row

MOST = 0.8
"""Share of the gap that a cause has to close to be named: of two causes of one size, neither does,
and of two of which one hides the other rarely either."""
CLEARLY = 0.1
"""Share of the gap by which it has to close more than any cause of another family, and than
nothing, at the end of the interval of the difference on the same images."""
SIMPLER = 0.05
"""Share of the gap that a cause of the same family may close less and is preferred, being simpler:
a renaming of all classes can do what a shift of labels does."""
LEVEL = 0.95
"""Of intervals."""
_NO_EFFECT = 0.005
"""Share of the gap below which a change is none."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What trying a cause did."""

    cause: Cause
    value: float
    """The metric without the cause, on the probe's images."""
    closes: float
    """Share of the gap that is gone: 1 all of it, 0 none, below 0 it is wider. What overshoots the
    documented value leaves a gap, too."""
    low: float
    """Lower end of its interval over images."""
    high: float
    """Upper end."""

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing to speak of."""
        return abs(self.closes) < _NO_EFFECT and abs(self.high - self.low) < 2 * _NO_EFFECT


@dataclass(frozen=True, kw_only=True)
class Gap:
    """What is to be explained."""

    documented: float
    measured: float | None
    """Over all images, by a record; None: only the images on which causes are tried tell."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """All that was found out about one number."""

    row: Row
    metric: str
    gap: Gap
    record: Path | None
    """Whose measured number it is."""
    num_images: int
    """Images on which causes were tried."""
    seed: int | None
    """Of the random part that they are; None: they are the record's."""
    base: float
    """The metric on these images as it is."""
    facts: Sequence[Fact]
    effects: Sequence[Effect]
    """What closes most of the gap first."""
    named: Effect | None
    """The cause, if one is clearly it."""
    not_apart: Sequence[Effect]
    """Causes of other families that close as much as the first one, as far as these images tell."""
    why_not: str
    """Why none is named."""
    not_tried: dict[str, str]
    """What could not be tried -> why."""

    @property
    def explains(self) -> bool:
        """Whether a cause is named, by what was tried or for certain by a file."""
        return self.named is not None or any(fact.is_cause for fact in self.facts)


@dataclass(frozen=True, kw_only=True)
class _Tried:
    effect: Effect
    left: NDArray[np.float64]
    """Points that are left of the gap: over all images, then over each set that is kept."""


class Ranking:
    """Causes by what they close of a gap, all on the same images."""

    def __init__(
        self, gap: Gap, base: Reweighted, *, num_images: int, population: int, most_groups: int
    ) -> None:
        """Take what is to be explained.

        Args:
            gap: documented and measured value.
            base: the metric as it is, over the images on which causes are tried.
            num_images: N of them.
            population: images of the data set that these are a random part of.
            most_groups: see `kept`.
        """
        self.gap, self.num_images = gap, num_images
        self._weights = np.concatenate([np.ones((1, num_images)), kept(num_images, most_groups)])
        self._base = base(self._weights)
        self._factor = finite(num_images, max(population, num_images))
        self._tried: list[_Tried] = []

    @property
    def base(self) -> float:
        """The metric as it is on these images; NaN if it is 0/0."""
        return float(self._base[0])

    @property
    def points(self) -> float:
        """Documented - measured."""
        measured = self.base if self.gap.measured is None else self.gap.measured
        return self.gap.documented - measured

    @property
    def shows_gap(self) -> bool:
        """Whether there is a gap, also as far as these images alone tell."""
        half = 0.0 if self.gap.measured is not None else self._half(self._base[1:])
        return abs(self.points) > half

    def add(self, cause: Cause, without: Reweighted) -> str:
        """Take the metric without a cause; return why it cannot be used, or nothing."""
        values = without(self._weights)
        if not np.isfinite(values).all():
            return "without some of these images there is no such number"
        if self.gap.measured is None:
            left = self.gap.documented - values
        else:
            left = self.points - (values - self._base)
        half = self._half(left[1:])
        ends = [self._closes(left[0] + half), self._closes(left[0] - half)]
        effect = Effect(
            cause=cause,
            value=float(values[0]),
            closes=self._closes(left[0]),
            low=min(ends),
            high=1.0 if abs(left[0]) <= half else max(ends),
        )
        self._tried.append(_Tried(effect=effect, left=left))
        return ""

    def effects(self) -> list[Effect]:
        """Return all effects, what closes most first; of equal ones, what was added first."""
        return [tried.effect for tried in self._in_order()]

    def decide(self) -> tuple[Effect | None, list[Effect], str]:
        """Return the cause or None, what is not told apart from the best, and why none is named."""
        if not self.shows_gap:
            return None, [], "these images show no gap: the documented value is in their interval"
        if not self._tried:
            return None, [], "nothing could be tried"
        best = self._simplest(self._in_order()[0])
        near = [
            tried.effect
            for tried in self._in_order()
            if tried.effect.cause.family != best.effect.cause.family
            and tried.effect.closes > CLEARLY
            and not self._leaves_clearly_less(best, tried.left)
        ]
        closes = best.effect.closes
        if closes < MOST:
            return None, near, f"none closes {MOST:.0%} of the gap; the best, {closes:.0%}"
        if not self._leaves_clearly_less(best, np.full_like(best.left, self.points)):
            return None, near, "these images do not say for certain that the best closes the gap"
        if near:
            return None, near, "others close as much, as far as these images tell"
        return best.effect, [], ""

    def _in_order(self) -> list[_Tried]:
        return sorted(self._tried, key=lambda tried: -tried.effect.closes)

    def _simplest(self, best: _Tried) -> _Tried:
        """Return the best, or what was added before it, of its family, and is nearly as good."""
        least, family = best.effect.closes - SIMPLER, best.effect.cause.family
        same = (tried for tried in self._tried if tried.effect.cause.family == family)
        return next(tried for tried in same if tried.effect.closes >= least)

    def _closes(self, left: float) -> float:
        return 1 - abs(float(left)) / abs(self.points)

    def _half(self, left_out: NDArray[np.float64]) -> float:
        """Return half of an interval's width, of a number without each group of images."""
        error = standard_error(left_out) * self._factor
        return quantile((1 + LEVEL) / 2, len(left_out)) * error

    def _leaves_clearly_less(self, best: _Tried, other: NDArray[np.float64]) -> bool:
        """Whether a cause leaves less of the gap than another does, on the very same images."""
        more = np.abs(other) - np.abs(best.left)
        return float(more[0]) - self._half(more[1:]) > CLEARLY * abs(self.points)


def concluded(
    *,
    row: Row,
    metric: str,
    ranking: Ranking,
    record: Path | None,
    seed: int | None,
    facts: Sequence[Fact],
    not_tried: dict[str, str],
) -> Explanation:
    """Return what a ranking amounts to; see `Explanation`."""
    named, not_apart, why_not = ranking.decide()
    return Explanation(
        row=row,
        metric=metric,
        gap=ranking.gap,
        record=record,
        num_images=ranking.num_images,
        seed=seed,
        base=ranking.base,
        facts=facts,
        effects=ranking.effects(),
        named=named,
        not_apart=not_apart,
        why_not=why_not,
        not_tried=not_tried,
    )
