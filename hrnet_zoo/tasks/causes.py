"""What may make a number wrong, and how to try it: the number as it would be without the cause.

Nothing here needs torch. Each task has its own causes in `tasks/<task>/relabelling.py`, which need
no network, and `tasks/<task>/counterfactuals.py`, which do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.tasks.jackknife import Reweighted

Family = Literal[
    "labels",
    "channels",
    "normalisation",
    "size",
    "resize",
    "borders",
    "windows",
    "normalising layers",
    "weights",
    "rounding",
    "scores",
    "crowds",
    "definition",
    "images",
]
"""What causes have in common that one probe can hardly tell apart, and need not: their remedy."""

_FOLDS = 8
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One possible cause."""

    family: Family
    change: str
    """What was done otherwise in the probe, in words: "BGR for RGB"."""
    alike: str = ""
    """What no probe tells from it, in words."""


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A cause and its test."""

    cause: Cause
    reweighted: Callable[[], Reweighted]
    """Looks at the images anew, if it must, and returns the metric without the cause."""


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that files say by themselves."""

    says: str
    is_cause: bool
    """Whether it makes the number wrong for certain."""


def fitted_classes(
    num_images: int, meetings_of: Callable[[NDArray[np.intp]], NDArray[np.float64]]
) -> tuple[list[NDArray[np.intp]], NDArray[np.intp]]:
    """Return which class each label most likely stands for, one to one.

    A renaming that is fitted to the very images it is applied to always helps: with few images of
    each class it would explain anything. So each of some groups of images gets the renaming that
    fits all others, and a label that the others lack becomes no class.

    Args:
        num_images: N.
        meetings_of: from the places of some images to how often each of L labels met each of K
            predicted classes in them, [L, K].

    Returns:
        For every image an array [L] of classes, -1 for none; and the same fitted to all images.
    """
    order = np.random.Generator(np.random.PCG64(_SEED)).permutation(num_images)
    folds = [order[fold::_FOLDS] for fold in range(_FOLDS)]
    parts = [meetings_of(fold) for fold in folds]
    total = np.sum(parts, axis=0)
    of_images = [np.zeros(0, np.intp)] * num_images
    for fold, part in zip(folds, parts, strict=True):
        fitted = _fitted(total - part)
        for image in fold.tolist():
            of_images[image] = fitted
    return of_images, _fitted(total)


def _fitted(meetings: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the renaming [L] under which the labels agree best; each label has the same say."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - takes longer than all else

    seen = meetings.sum(axis=1, keepdims=True)
    shares = np.divide(meetings, seen, out=np.zeros_like(meetings), where=seen > 0)
    labels, classes = linear_sum_assignment(shares, maximize=True)
    fitted = np.full(len(meetings), -1)
    agrees = shares[labels, classes] > 0
    fitted[labels[agrees]] = classes[agrees]
    return fitted


def renamed(fitted: NDArray[np.intp], names: Sequence[str]) -> Iterator[str]:
    """Yield which labels stand for other classes than they should, in words."""
    for label, stands_for in enumerate(fitted[: len(names)].tolist()):
        if stands_for not in (-1, label):
            yield f"{names[label]} is {names[stands_for]}"
