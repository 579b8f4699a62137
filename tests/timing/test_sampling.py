"""Medians, their intervals and the rounds they come from, on a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import comb
from statistics import NormalDist

import latency_coverage
import numpy as np
import pytest
from numpy.typing import NDArray

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.timing.medians import (
    chance_alarms,
    depend,
    differ,
    drifts,
    interval_rank,
    latency_interval,
    median,
    median_interval,
    percentile,
    rank_autocorrelation,
    ratio_interval,
)
from hrnet_zoo.timing.sampling import SamplingRule, Subject, sample

TRIALS = 2000
# Three standard errors of a share of 5 % over so many trials.
SLACK = 3 * (0.05 * 0.95 / TRIALS) ** 0.5


class Machine:
    """A clock that only work moves on, with noise as on a real machine: skewed, with outliers."""

    def __init__(self, seed: int, *, drift: float = 0.0, noise: float = 0.01) -> None:
        self.now = 0.0
        self.calls: list[str] = []
        self._rng = np.random.default_rng(seed)
        self._drift, self._noise = drift, noise

    def clock(self) -> float:
        return self.now

    def subject(self, name: str, seconds: float) -> Subject:
        def run() -> None:
            self.calls.append(name)
            outlier = 3.0 if self._rng.random() < 0.02 else 1.0
            noise = float(np.exp(self._noise * self._rng.standard_normal()))
            self.now += seconds * noise * outlier * (1 + self._drift * self.now)

        return Subject(name=name, run=run)


def binomial_cdf(successes: int, count: int, probability: Fraction) -> Fraction:
    """The definition, in exact numbers."""
    top, bottom = probability.numerator, probability.denominator
    ways = (comb(count, i) * top**i * (bottom - top) ** (count - i) for i in range(successes + 1))
    return Fraction(sum(ways), bottom**count)


def skewed(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Latencies with a true median of 1."""
    return np.asarray(np.exp(rng.exponential(0.1, count) - 0.1 * np.log(2)))


@pytest.mark.parametrize("count", [1, 5, 6, 7, 20, 35, 100, 999, 3000])
def test_rank_is_that_of_the_binomial_distribution(count: int) -> None:
    rank = interval_rank(count)
    half, tail = Fraction(1, 2), Fraction(1, 40)
    assert binomial_cdf(rank - 1, count, half) <= tail < binomial_cdf(rank, count, half)
    assert (rank == 0) == (count < 6)


@pytest.mark.parametrize("count", [6, 10, 25, 101])
def test_interval_covers_the_true_median(count: int) -> None:
    rng = np.random.default_rng(count)
    found = [median_interval(skewed(rng, count).tolist()) for _ in range(TRIALS)]
    known = [interval for interval in found if interval is not None]
    # Few samples seem to depend on each other by chance, and then do not suffice.
    assert len(known) >= 0.97 * TRIALS
    missed = sum(not interval.low <= 1 <= interval.high for interval in known)
    assert missed / TRIALS <= 0.05 + SLACK
    # An interval that never misses would be too wide to be of use.
    assert missed > 0


@pytest.mark.parametrize(("kept", "noise"), [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 1.0)])
def test_interval_covers_the_median_of_samples_that_depend_on_each_other(
    kept: float, noise: float
) -> None:
    """Of 400 samples; independent ones would make it cover 42 % at 0.9. Three standard errors."""
    made = latency_coverage.series(np.random.default_rng(0), 400, 400, kept, noise)
    held, none = latency_coverage.coverage(made, median_interval)
    assert 0.95 - 3 * (0.05 * 0.95 / 400) ** 0.5 <= held < 1
    assert none < 0.02


def test_an_interval_of_several_processes_holds_what_differs_between_them() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(TRIALS // 4):
        processes = np.exp(rng.normal(0, 0.01, (3, 1)) + rng.normal(0, 0.01, (3, 30)))
        interval = latency_interval(processes.tolist())
        assert interval is not None
        held += interval.low <= 1 <= interval.high
    assert abs(held / (TRIALS // 4) - 0.95) <= 3 * (0.05 * 0.95 / (TRIALS // 4)) ** 0.5


def test_median_and_percentiles() -> None:
    values = [float(i) for i in range(1, 201)]
    assert median(values[:3]) == 2
    assert median(values[:4]) == 2.5
    assert percentile(values, 90) == 180
    assert percentile(values, 99) == 198
    assert percentile(values[:99], 99) is None
    assert percentile(values[:9], 90) is None


def test_too_few_samples_have_no_interval() -> None:
    assert median_interval([1.0] * 5) is None
    assert differ([1.0] * 5, [2.0] * 5) is None
    assert not drifts([1.0] * 5 + [2.0] * 6)


def test_samples_until_the_interval_is_narrow() -> None:
    machine = Machine(1)
    subjects = [machine.subject("slow", 0.02), machine.subject("fast", 0.01)]
    result = sample(subjects, SamplingRule(limit_s=600), clock=machine.clock)
    assert result.stopped_by == "precision"
    assert result.elapsed_s == machine.now < 60
    for name, true in (("slow", 0.02), ("fast", 0.01)):
        samples = result.samples[name]
        interval = median_interval(samples.seconds)
        assert interval is not None
        assert interval.relative_width <= 0.005
        assert interval.median == pytest.approx(true, rel=0.01)
        assert samples.is_warm
        assert machine.calls.count(name) == len(samples.warm_up) + len(samples.seconds)


def test_variants_take_turns_in_changing_order() -> None:
    machine = Machine(2)
    names = ["a", "b", "c"]
    subjects = [machine.subject(name, 0.01) for name in names]
    result = sample(subjects, SamplingRule(limit_s=600), clock=machine.clock)
    warm = sum(len(samples.warm_up) for samples in result.samples.values())
    turns = machine.calls[warm:]
    rounds = [tuple(turns[i : i + 3]) for i in range(0, len(turns), 3)]
    assert all(sorted(turn) == names for turn in rounds)
    assert len(set(rounds)) == 6


def test_interval_still_covers_when_sampling_stops_at_it() -> None:
    trials, missed = 300, 0
    for seed in range(trials):
        machine = Machine(seed, noise=0.02)
        result = sample(
            [machine.subject("a", 0.01)], SamplingRule(limit_s=600), clock=machine.clock
        )
        interval = median_interval(result.samples["a"].seconds)
        assert result.stopped_by == "precision"
        assert interval is not None
        # One call in fifty is an outlier, which moves the true median up a little.
        true = 0.01 * np.exp(0.02 * NormalDist().inv_cdf(0.5 / 0.98))
        missed += not interval.low <= true <= interval.high
    assert missed / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5


def test_a_drifting_machine_is_noticed_and_ratios_still_hold() -> None:
    machine = Machine(3, drift=0.05)
    subjects = [machine.subject("slow", 0.02), machine.subject("fast", 0.01)]
    rule = SamplingRule(limit_s=600, precision=0.0001, max_rounds=200)
    result = sample(subjects, rule, clock=machine.clock)
    slow, fast = (result.samples[name].seconds for name in ("slow", "fast"))
    assert result.stopped_by == "rounds"
    assert drifts(slow)
    assert drifts(fast)
    ratio = ratio_interval(slow, fast)
    assert ratio is not None
    assert ratio.low < 2 < ratio.high
    assert ratio.relative_width < 0.01


def test_a_steady_machine_is_not_said_to_drift() -> None:
    rng = np.random.default_rng(4)
    alarms = sum(drifts(skewed(rng, 60).tolist()) for _ in range(TRIALS))
    assert alarms / TRIALS < 0.02


def test_the_time_limit_ends_sampling_and_is_kept() -> None:
    machine = Machine(5, noise=0.3)
    result = sample([machine.subject("a", 0.1)], SamplingRule(limit_s=20), clock=machine.clock)
    assert result.stopped_by == "time"
    assert 15 < result.elapsed_s <= 20
    assert len(result.samples["a"].seconds) > 50


def test_a_limit_below_one_call_still_gives_a_warm_up_and_a_sample() -> None:
    machine = Machine(6)
    result = sample([machine.subject("a", 10.0)], SamplingRule(limit_s=1), clock=machine.clock)
    samples = result.samples["a"]
    assert (len(samples.warm_up), len(samples.seconds)) == (1, 1)
    assert not samples.is_warm
    assert result.stopped_by == "time"


def test_a_cold_start_does_not_end_up_among_the_samples() -> None:
    machine = Machine(7)
    subject = machine.subject("a", 0.01)

    def run() -> None:
        subject.run()
        machine.now += 0.1 * 0.7 ** len(machine.calls)

    result = sample([Subject(name="a", run=run)], SamplingRule(limit_s=600), clock=machine.clock)
    samples = result.samples["a"]
    assert samples.is_warm
    assert max(samples.warm_up) > 0.07
    assert median(samples.seconds[:5]) < 0.0103


def test_a_variant_that_fails_is_taken_out_and_the_others_go_on() -> None:
    machine = Machine(8)
    good = machine.subject("good", 0.01)
    calls = 0

    def bad() -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            msg = "out of memory"
            raise PrerequisiteError(msg)
        machine.now += 0.01

    result = sample(
        [good, Subject(name="bad", run=bad)], SamplingRule(limit_s=600), clock=machine.clock
    )
    assert result.stopped_by == "precision"
    assert result.samples["bad"].failure == "out of memory"
    assert result.samples["good"].failure is None
    assert calls == 20


def test_when_all_fail_sampling_ends() -> None:
    def bad() -> None:
        msg = "no"
        raise PrerequisiteError(msg)

    result = sample([Subject(name="bad", run=bad)], SamplingRule(limit_s=600))
    assert result.stopped_by == "failure"
    assert result.samples["bad"].seconds == []


def test_settings_are_entered_and_left_outside_the_time_taken() -> None:
    machine = Machine(9, noise=0.0)
    inside = False

    @contextmanager
    def settings() -> Iterator[None]:
        nonlocal inside
        machine.now += 5.0
        inside = True
        yield
        machine.now += 5.0
        inside = False

    def run() -> None:
        assert inside
        machine.now += 0.25

    subject = Subject(name="a", run=run, settings=settings)
    result = sample([subject], SamplingRule(limit_s=1000), clock=machine.clock)
    assert set(result.samples["a"].seconds) == {0.25}
    assert not inside


def test_equal_variants_are_called_different_in_about_one_of_twenty_pairs() -> None:
    machine = Machine(10, noise=0.02)
    twins = [machine.subject(name, 0.01) for name in ("first", "second")]
    alarms = []
    for _ in range(600):
        samples = sample(twins, SamplingRule(limit_s=2), clock=machine.clock).samples
        alarms.append(differ(samples["first"].seconds, samples["second"].seconds))
    assert None not in alarms
    share = alarms.count(True) / len(alarms)
    assert 0 < share <= 0.05 + 3 * (0.05 * 0.95 / len(alarms)) ** 0.5


def test_a_difference_of_two_percent_is_found() -> None:
    machine = Machine(11, noise=0.02)
    subjects = [machine.subject("a", 0.0102), machine.subject("b", 0.01)]
    result = sample(subjects, SamplingRule(limit_s=600), clock=machine.clock)
    assert differ(result.samples["a"].seconds, result.samples["b"].seconds)


@pytest.mark.parametrize("trials", [1, 5, 20, 100])
def test_alarms_by_chance_are_those_of_the_binomial_distribution(trials: int) -> None:
    alarms, rate = chance_alarms(trials), Fraction(1, 20)
    assert binomial_cdf(alarms - 1, trials, rate) < Fraction(19, 20)
    assert binomial_cdf(alarms, trials, rate) >= Fraction(19, 20)


def autocorrelation_by_definition(samples: list[float]) -> Fraction:
    """Compare every sample with every other one for its rank, in exact numbers."""
    below = [sum(other < value for other in samples) for value in samples]
    same = [samples.count(value) for value in samples]
    ranks = [Fraction(2 * b + s + 1, 2) for b, s in zip(below, same, strict=True)]
    mean = Fraction(sum(ranks)) / len(ranks)
    products = ((ranks[i] - mean) * (ranks[i + 1] - mean) for i in range(len(ranks) - 1))
    squares = ((rank - mean) * (rank - mean) for rank in ranks)
    return sum(products, Fraction(0)) / sum(squares, Fraction(0))


@pytest.mark.parametrize("seed", range(10))
def test_autocorrelation_is_that_of_the_ranks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 12, 30).astype(float).tolist()  # with ties
    expected = float(autocorrelation_by_definition(samples))
    assert rank_autocorrelation(samples) == pytest.approx(expected, abs=1e-12)
    # The shape of the distribution does not matter.
    skewed_samples = np.exp(samples).tolist()
    assert rank_autocorrelation(skewed_samples) == pytest.approx(expected, abs=1e-12)


def test_equal_and_few_samples_are_not_said_to_depend_on_each_other() -> None:
    assert rank_autocorrelation([0.02] * 50) == 0
    assert not depend([0.02] * 50)
    assert not depend([0.01, 0.02, 0.03, 0.04, 0.05])
    assert depend([0.01 + 0.001 * i for i in range(20)])


def test_samples_that_depend_on_each_other_are_noticed_and_independent_ones_seldom() -> None:
    rng = np.random.default_rng(0)

    def alarms(share: float) -> float:
        """Return how often series are said to depend, of which each keeps a share of the last."""
        found = 0
        for _ in range(TRIALS // 4):
            noise = rng.standard_normal(100)
            for i in range(1, 100):
                noise[i] = share * noise[i - 1] + (1 - share**2) ** 0.5 * noise[i]
            found += depend(np.exp(0.01 * noise).tolist())
        return found / (TRIALS // 4)

    assert alarms(0.0) < 0.05
    assert alarms(0.6) > 0.99
