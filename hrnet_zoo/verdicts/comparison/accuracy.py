"""Judges accuracies of two sets of records: by their images where both kept these, and by value.

Only runs of the same weights on the same data are compared, and evaluation is deterministic. So a
difference between two runs on one machine is not chance, whatever other images would show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Found
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.bootstrap import LEVEL, RESAMPLES, draw_images
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.verdicts.accuracy import DEFAULT_NOISE
from hrnet_zoo.verdicts.comparison.accuracy_pairs import (
    AccuracyKey,
    AccuracyPair,
    asked_in,
    measured_in,
    pair_up,
)
from hrnet_zoo.verdicts.comparison.image_counts import ImageCounts, counts_of
from hrnet_zoo.verdicts.comparison.outcome import SAME_RUN, Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.significance import holm, spread_test

FALSE_ALARMS = 1 - LEVEL
"""Probability of calling any accuracy of a whole comparison changed by noise of machines alone."""

_MAY_BE_NOISE = f"on other machines or versions, {DEFAULT_NOISE} may be noise"


@dataclass(frozen=True, kw_only=True)
class _Test:
    """The difference of one pair, had other images been drawn; in points."""

    interval: tuple[float, float]
    p_value: float
    num_images: int


def compare_accuracies(
    base: Sequence[Found[AccuracyRecord]],
    head: Sequence[Found[AccuracyRecord]],
    wanted: Callable[[AccuracyKey], bool],
    decimals_of: Callable[[AccuracyKey], int],
) -> list[Comparison]:
    """Return what became of every accuracy.

    Args:
        base: newest first.
        head: newest first.
        wanted: which to compare.
        decimals_of: decimals of the printed number.
    """
    before = measured_in(base)
    after = asked_in(head, list(before))
    keys = [key for key in {**before, **after} if wanted(key)]
    answers = [pair_up(k, before.get(k, []), after.get(k), decimals_of(k)) for k in keys]
    settled = [answer for answer in answers if isinstance(answer, Comparison)]
    pairs = [answer for answer in answers if isinstance(answer, AccuracyPair)]
    return [*settled, *_judge(pairs)]


def _judge(pairs: Sequence[AccuracyPair]) -> Iterator[Comparison]:
    """Judge all pairs together: how sure one must be depends on how many were tested."""
    # All pairs with as many images are resampled alike.
    draws = cache(draw_images)
    findings = [(pair, _examined(pair, draws)) for pair in pairs]
    corrected = holm({pair.key: f.p_value for pair, f in findings if isinstance(f, _Test)})
    for pair, found in findings:
        yield _by_images(pair, found, corrected) if isinstance(found, _Test) else found


def _examined(pair: AccuracyPair, draws: Callable[[int], NDArray[np.uint16]]) -> _Test | Comparison:
    """Return the test of a pair's images, or the answer where there is nothing to test."""
    try:
        counts = counts_of(pair)
        num_images = 0 if counts is None else len(counts[0].texts)
        # Equal counts with other values are not equal runs: testing them finds what is wrong.
        if counts is not None and _same_counts(*counts):
            basis = f"equal confusion counts in all {num_images} images"
            return _judged(pair, ComparisonOutcome.SAME, basis)
        if counts is not None and num_images > 1:
            return _test(METRICS[pair.key.metric], *counts, draws(num_images))
    except RecordError as error:
        # Falling back on values could take a damaged file for a regression.
        return _judged(pair, ComparisonOutcome.NOT_COMPARABLE, str(error))
    return _by_values(pair)


def _same_counts(base: ImageCounts, head: ImageCounts) -> bool:
    return base.texts == head.texts and math.isclose(base.value, head.value, abs_tol=1e-6)


def _test(metric: Metric, base: ImageCounts, head: ImageCounts, draws: NDArray[np.uint16]) -> _Test:
    names = sorted(base.texts)
    runs = [[side.texts[name] for name in names] for side in (base, head)]
    task = TASKS[metric.task or ""]
    try:
        found, values = task.resampled(metric, runs, draws)
    except ValueError as error:
        msg = f"{base.file} and {head.file}: {error}."
        raise RecordError(msg) from None
    base.require(found[0])
    head.require(found[1])
    differences = values[1] - values[0]
    tail = (1 - LEVEL) / 2
    low, high = np.nanquantile(differences, [tail, 1 - tail])
    # Two thousand resamples say little about small tails; their spread says it well.
    p_value = spread_test(head.value - base.value, float(np.nanstd(differences)), len(names))
    return _Test(interval=(float(low), float(high)), p_value=p_value, num_images=len(names))


def _by_images(
    pair: AccuracyPair, test: _Test, corrected: Mapping[AccuracyKey, float]
) -> Comparison:
    """Judge by how the difference varies between samples of images, then by the values.

    The bootstrap answers whether other images would show it, too. A mistake in one image of a
    thousand would not be seen in others, and is one nevertheless.
    """
    p_value, (low, high) = corrected[pair.key], test.interval
    basis = (
        f"paired bootstrap over {test.num_images} images, {RESAMPLES} resamples, p {p_value:.1g}; "
        f"smallest that counts: {pair.effect:g}"
    )
    if -pair.effect <= low and high <= pair.effect:
        outcome = ComparisonOutcome.SAME
    elif not low <= 0 <= high and p_value < FALSE_ALARMS and abs(pair.difference) >= pair.effect:
        outcome = _direction(pair)
    elif _cannot_be_noise(pair):
        outcome = _direction(pair)
        basis += "; so on these images, though others might not show it"
    else:
        outcome = ComparisonOutcome.INCONCLUSIVE
        if abs(pair.difference) >= pair.effect:
            basis += f"; {_MAY_BE_NOISE}"
    return _judged(pair, outcome, basis, test, p_value)


def _by_values(pair: AccuracyPair) -> Comparison:
    """Judge by the values alone."""
    if abs(pair.difference) < pair.effect:
        outcome = ComparisonOutcome.SAME
    elif _cannot_be_noise(pair):
        outcome = _direction(pair)
    else:
        basis = f"values, no interval; {_MAY_BE_NOISE}"
        return _judged(pair, ComparisonOutcome.INCONCLUSIVE, basis)
    return _judged(pair, outcome, f"values, no interval; smallest that counts: {pair.effect:g}")


def _cannot_be_noise(pair: AccuracyPair) -> bool:
    """Whether the same weights on the same images cannot differ so much by themselves.

    On one machine evaluation is deterministic; between two, values move a little.
    """
    difference = abs(pair.difference)
    alike = _surroundings(pair.base.record) == _surroundings(pair.head.record)
    return difference >= pair.effect and (difference > float(DEFAULT_NOISE) or alike)


def _direction(pair: AccuracyPair) -> ComparisonOutcome:
    return ComparisonOutcome.BETTER if pair.difference > 0 else ComparisonOutcome.WORSE


def _judged(
    pair: AccuracyPair,
    outcome: ComparisonOutcome,
    basis: str,
    test: _Test | None = None,
    p_value: float | None = None,
) -> Comparison:
    return Comparison(
        row=pair.key.row,
        metric=pair.key.metric,
        kind="accuracy",
        edition=pair.key.edition,
        outcome=outcome,
        base=pair.before,
        head=pair.after,
        decimals=pair.decimals,
        difference=pair.difference,
        interval=None if test is None else test.interval,
        p_value=p_value,
        minimum_effect=pair.effect,
        basis=f"{SAME_RUN}; {basis}" if pair.base.record == pair.head.record else basis,
        base_record=str(pair.base.path),
        head_record=str(pair.head.path),
    )


def _surroundings(record: AccuracyRecord) -> dict[str, Any]:
    """Return what may move a value although nothing that is verified here has changed."""
    named = {"cpu", "gpus", "opencv", "cuda", "cudnn", "packages"}
    found = record.environment.model_dump(include=named)
    found["packages"].pop("hrnet-zoo", None)
    settings = record.settings
    return found | {"settings": settings and (settings.device, settings.num_threads)}
