"""Takes latencies of several variants in turns, until their medians are known well enough.

It knows variants only as functions to call and time only as a clock to read, and needs no torch.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal

from hrnet_zoo.errors import ZooError
from hrnet_zoo.timing.medians import median, median_interval

_WARM_UP_SHARE = 0.25
"""Of the time limit; all variants' warm-ups together."""
_WINDOW = 5
"""Calls whose median stands for how fast a variant is just now."""
_STABLE = 0.02
"""Two windows in a row that differ by no more than this share: caches and clocks have settled."""
_MAX_WARM_UP_CALLS = 100
_CHECK_GROWTH = 1.1
"""Rounds grow by a tenth between looks at the intervals: looking each time would stop too often at
an interval that is narrow by accident."""

Clock = Callable[[], float]
"""Seconds, from any beginning."""
StoppedBy = Literal["precision", "time", "rounds", "failure"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One of the things that are timed against each other."""

    name: str
    run: Callable[[], object]
    """Does all of the work before it returns; a `ZooError` takes the subject out."""
    settings: Callable[[], AbstractContextManager[object]] = nullcontext
    """Entered before each run and left after it, outside the time taken."""


@dataclass(frozen=True, kw_only=True)
class SamplingRule:
    """When enough samples were taken."""

    limit_s: float
    """Seconds, for warm-ups and samples of all subjects; at least one round is made."""
    precision: float = 0.005
    """The 95 % interval of each median has to be this near to it, as a share of it."""
    max_rounds: int = 5000


@dataclass(kw_only=True)
class SampledTimes:
    """The latencies of one subject, in seconds, in the order taken."""

    warm_up: list[float] = field(default_factory=list)
    is_warm: bool = False
    """Whether the warm-up ended because the rolling median was stable, not because of a limit."""
    seconds: list[float] = field(default_factory=list)
    failure: str | None = None
    """Why the subject was taken out."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """All that was sampled, and why it ended."""

    samples: dict[str, SampledTimes]
    stopped_by: StoppedBy
    elapsed_s: float


def sample(
    subjects: Sequence[Subject],
    rule: SamplingRule,
    *,
    clock: Clock = time.perf_counter,
    on_round: Callable[[int], None] | None = None,
) -> Sampling:
    """Warm all subjects up, then let them take turns, in rounds.

    Every round calls each subject once, in an order that is drawn anew (and is the same in every
    run), so that none always follows the same other one. Subjects go on together until all are
    known well enough, which leaves every one of them with a sample of each round.

    Args:
        subjects: with different names.
        rule: when to stop.
        clock: read before and after every call.
        on_round: told the number of rounds made.
    """
    begin = clock()
    taken = {subject.name: SampledTimes() for subject in subjects}
    for subject in subjects:
        seconds = rule.limit_s * _WARM_UP_SHARE / len(subjects)
        _warm_up(subject, taken[subject.name], seconds, clock)
    shuffle = random.Random(0).shuffle  # noqa: S311 - an order, not a secret
    stopped_by: StoppedBy | None = None
    rounds, next_look = 0, 1
    while stopped_by is None:
        order = [subject for subject in subjects if taken[subject.name].failure is None]
        shuffle(order)
        round_begin = clock()
        for subject in order:
            _take(subject, taken[subject.name], clock)
        rounds += 1
        now = clock()
        running = [samples for samples in taken.values() if samples.failure is None]
        look = rounds >= next_look
        if look:
            next_look = math.ceil(rounds * _CHECK_GROWTH)
        if not running:
            stopped_by = "failure"
        elif look and all(_is_precise(samples.seconds, rule.precision) for samples in running):
            stopped_by = "precision"
        elif rounds >= rule.max_rounds:
            stopped_by = "rounds"
        # Another round would end after the limit, if it takes as long as this one.
        elif now - begin + (now - round_begin) > rule.limit_s:
            stopped_by = "time"
        if on_round is not None:
            on_round(rounds)
    return Sampling(samples=taken, stopped_by=stopped_by, elapsed_s=clock() - begin)


def _warm_up(subject: Subject, samples: SampledTimes, limit_s: float, clock: Clock) -> None:
    """Call a subject until it is as fast as it gets, at least once."""
    begin = clock()
    while samples.failure is None and len(samples.warm_up) < _MAX_WARM_UP_CALLS:
        _take(subject, samples, clock, warm_up=True)
        samples.is_warm = _is_stable(samples.warm_up)
        if samples.is_warm or clock() - begin >= limit_s:
            return


def _is_stable(seconds: Sequence[float]) -> bool:
    if len(seconds) < 2 * _WINDOW:
        return False
    before, now = median(seconds[-2 * _WINDOW : -_WINDOW]), median(seconds[-_WINDOW:])
    return abs(now - before) <= _STABLE * before


def _take(subject: Subject, samples: SampledTimes, clock: Clock, *, warm_up: bool = False) -> None:
    """Call a subject once and keep how long it took."""
    try:
        with subject.settings():
            begin = clock()
            subject.run()
            end = clock()
    except ZooError as error:
        samples.failure = str(error)
        return
    (samples.warm_up if warm_up else samples.seconds).append(end - begin)


def _is_precise(seconds: Sequence[float], precision: float) -> bool:
    interval = median_interval(seconds)
    return interval is not None and interval.relative_width <= precision
