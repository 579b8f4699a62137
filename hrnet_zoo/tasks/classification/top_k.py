"""Which classes a network ranks highest, and how often the true one is among the first k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.errors import UsageError
from hrnet_zoo.tasks.jackknife import LEVEL, Reweighted, finite
from hrnet_zoo.tasks.scored import Interval

if TYPE_CHECKING:
    from torch import Tensor

RANKED = 5
"""Classes kept of every image: enough for the largest documented k."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """The true class of an image, and those that the network ranks highest."""

    label: int
    best: tuple[int, ...]
    """At most `RANKED` classes, the best first; only classes with a score above 0."""

    def to_text(self) -> str:
        """Return it as a line of numbers: the true class, then the best."""
        return " ".join(map(str, (self.label, *self.best)))

    @classmethod
    def from_text(cls, text: str) -> Ranking:
        """Return what `to_text` wrote.

        Raises:
            ValueError: it is not such a text.
        """
        label, *best = map(int, text.split())
        if len(best) > RANKED or len(set(best)) < len(best) or min(label, *best, 0) < 0:
            msg = f'"{text}" is not a class and at most {RANKED} others'
            raise ValueError(msg)
        return cls(label=label, best=tuple(best))

    def is_hit(self, k: int) -> bool:
        """Whether the true class is among the ``k`` best."""
        return self.label in self.best[:k]


def best_classes(scores: Tensor) -> list[tuple[int, ...]]:
    """Return the highest-ranked classes of every image, at most `RANKED`, the best first.

    Upstream takes torch.topk, which leaves the order of equal scores open; here the lower class
    number comes first. A score of exactly 0, to which softmax rounds what is very unlikely, is
    never a hit, even where fewer than k classes have more.

    Args:
        scores: probabilities [N, K].

    Source:
        mmclassification 0.25.0, mmcls/models/losses/accuracy.py, accuracy_torch with thrs 0.
    """
    values, classes = scores.sort(dim=1, descending=True, stable=True)
    rows = zip(values[:, :RANKED].tolist(), classes[:, :RANKED].tolist(), strict=True)
    return [
        tuple(k for value, k in zip(row_values, row_classes, strict=True) if value > 0)
        for row_values, row_classes in rows
    ]


def require_k(k: int, num_classes: int) -> None:
    """Raise UsageError unless ``k`` is from 1 to the number of classes."""
    if k < 1:
        msg = f"The k of top-k is a number of classes, at least 1, not {k}."
        raise UsageError(msg)
    if k > num_classes:
        msg = f"Top-{k} accuracy needs at least {k} classes, and there are {num_classes}."
        raise UsageError(msg)


def top_k_accuracy(rankings: Sequence[Ranking], k: int) -> float | None:
    """Return the share of images whose class is among the ``k`` best, percent; None without any.

    Args:
        rankings: one per image, in any order.
        k: at most `RANKED`.
    """
    assert 0 < k <= RANKED
    hits = sum(ranking.is_hit(k) for ranking in rankings)
    return 100 * hits / len(rankings) if rankings else None


def class_accuracies(
    rankings: Sequence[Ranking], k: int, num_classes: int
) -> tuple[float | None, ...]:
    """Return `top_k_accuracy` for the images of each class; None for a class without images."""
    by_class: list[list[Ranking]] = [[] for _ in range(num_classes)]
    for ranking in rankings:
        by_class[ranking.label].append(ranking)
    return tuple(top_k_accuracy(images, k) for images in by_class)


def wilson(num_hits: int, num_images: int, population: int | None) -> Interval:
    """Return the 95 % interval of a share of images, percent.

    Of 32 images at 95 % the jackknife's holds the true share in 78 of 100 cases, for its width is
    that of the share found: 0 where all are right. This one takes the width from its own ends.

    Args:
        num_hits: images that are right.
        num_images: at least 1.
        population: images of the data set that these are a random part of; None: these are all.

    Source:
        Wilson 1927, Probable inference, the law of succession, and statistical inference. Differs:
        images count for more, the more of the data set they are.
    """
    from scipy.special import ndtri  # noqa: PLC0415 - as in jackknife.py

    share, z = num_hits / num_images, float(ndtri((1 + LEVEL) / 2))
    each = (z * finite(num_images, population)) ** 2 / num_images
    middle = (share + each / 2) / (1 + each)
    half = math.sqrt(each * share * (1 - share) + each**2 / 4) / (1 + each)
    return Interval(
        low=100 * (middle - half),
        high=100 * (middle + half),
        level=LEVEL,
        method="wilson",
        population=population,
    )


def at_most(num_hits: int, num_images: int, level: float) -> float:
    """Return the largest share of right images, percent, by which so few hits are no wonder.

    Source:
        Clopper and Pearson 1934, The use of confidence or fiducial limits. It holds for a part of
        any data set, since drawing without replacement varies less.
    """
    from scipy.special import betaincinv  # noqa: PLC0415 - as in jackknife.py

    if num_hits == num_images:
        return 100.0
    return 100 * float(betaincinv(num_hits + 1, num_images - num_hits, level))


def reweighted(rankings: Sequence[Ranking], k: int) -> Reweighted:
    """Return what computes `top_k_accuracy` of images that count several times or not at all.

    Args:
        rankings: one per image.
        k: at most `RANKED`.
    """
    hits = np.array([ranking.is_hit(k) for ranking in rankings], np.float64)

    def accuracies(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):
            shares: NDArray[np.float64] = 100 * (weights @ hits) / weights.sum(axis=1)
        return shares

    return accuracies
