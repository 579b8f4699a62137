"""Judges latencies of two sets of records: a rank test, and a smallest difference that counts.

The test asks whether two lists of samples are alike. It knows nothing of what differs from one
process to the next although nothing was changed; the smallest difference that counts does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median, median_interval
from hrnet_zoo.timing.observations import InputTimed, VariantTimed
from hrnet_zoo.verdicts.comparison.outcome import SAME_RUN, Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.significance import holm, rank_test
from hrnet_zoo.zoo.row import EditionName

FALSE_ALARMS = 0.01
"""Probability of calling any latency of a whole comparison changed where samples are alike.

Stricter than for accuracies: samples of one run depend on each other, so there are fewer of them in
effect than the test believes.
"""

MINIMUM_EFFECT = 3.0
"""Smallest change of a median that counts, in percent.

A choice: other memory addresses, clocks and neighbours move the median of a run by one or two
percent from one process to the next, and nobody would act on less than this.
"""

MIN_SAMPLES = 6
"""Fewer have no interval of their median, and the rank test's approximation is poor."""


class LatencyKey(NamedTuple):
    """What two latencies must have in common to be a pair.

    A machine may time a row on its GPU and on its CPU, and both of its editions; none may hide
    another.
    """

    row: str
    edition: EditionName
    variant: str
    """With its batch, unless that is 1."""
    device: str
    num_threads: int
    input: str

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return under what it was timed, for people."""
        threads = f"{self.num_threads} thread{'s' * (self.num_threads != 1)}"
        return self.device, threads, self.input


@dataclass(frozen=True, kw_only=True)
class _TimedVariant:
    """One variant of a row in one run."""

    run: Found[TimingRecord]
    variant: VariantTimed

    @property
    def seconds(self) -> list[float]:
        return self.variant.seconds


@dataclass(frozen=True, kw_only=True)
class _LatencyPair:
    key: LatencyKey
    base: _TimedVariant
    head: _TimedVariant

    @property
    def percent(self) -> float:
        """Return how much slower HEAD is, in percent of BASE."""
        return 100 * (median(self.head.seconds) / median(self.base.seconds) - 1)


def compare_latencies(
    base: Sequence[Found[TimingRecord]],
    head: Sequence[Found[TimingRecord]],
    wanted: Callable[[LatencyKey], bool],
) -> list[Comparison]:
    """Return what became of every latency.

    Args:
        base: newest first.
        head: newest first.
        wanted: which to compare.
    """
    before, after = _by_key(base), _by_key(head)
    keys = [key for key in {**before, **after} if wanted(key)]
    answers = [
        (key, _pair_up(key, [t for t in before.get(key, []) if t.seconds], after.get(key, [])))
        for key in keys
    ]
    settled = [(key, answer) for key, answer in answers if isinstance(answer, Comparison)]
    judged = _judge([answer for _, answer in answers if isinstance(answer, _LatencyPair)])
    names = _names(keys)
    return [replace(answer, metric=names[key]) for key, answer in (*settled, *judged)]


def _names(keys: Iterable[LatencyKey]) -> dict[LatencyKey, str]:
    """Return what tells the latencies of a row apart: the variant, and conditions if they vary."""
    alike: dict[tuple[str, EditionName, str], list[LatencyKey]] = {}
    for key in keys:
        alike.setdefault((key.row, key.edition, key.variant), []).append(key)
    names = {}
    for group in alike.values():
        varies = [
            len(set(values)) > 1 for values in zip(*(k.conditions for k in group), strict=True)
        ]
        for key in group:
            names[key] = ", ".join([key.variant, *compress(key.conditions, varies)])
    return names


def _by_key(runs: Iterable[Found[TimingRecord]]) -> dict[LatencyKey, list[_TimedVariant]]:
    timed: dict[LatencyKey, list[_TimedVariant]] = {}
    for run in runs:
        for variant in run.record.variants:
            key = _key(run.record, variant)
            timed.setdefault(key, []).append(_TimedVariant(run=run, variant=variant))
    return timed


def _key(record: TimingRecord, variant: VariantTimed) -> LatencyKey:
    return LatencyKey(
        row=record.row,
        edition=record.edition,
        variant=variant.title,
        device=record.device,
        num_threads=record.num_threads,
        input=_input(record.input),
    )


def _input(used: InputTimed) -> str:
    (height, width), window = used.network_input, used.window
    return f"{width} x {height}" + (f" in windows of {window[1]} x {window[0]}" if window else "")


def _pair_up(
    key: LatencyKey, base: Sequence[_TimedVariant], head: Sequence[_TimedVariant]
) -> _LatencyPair | Comparison | None:
    """Return what to compare, why nothing can be, or None where there never was anything."""
    newest = head[0] if head else None
    if newest is None or not newest.seconds:
        if not base:
            return None  # it could not be timed in BASE either
        outcome = ComparisonOutcome.MISSING if newest is None else ComparisonOutcome.FAILED
        reason = "HEAD has no run of it" if newest is None else newest.variant.reason
        return _unpaired(key, outcome, reason or "it was not timed", base[0], None)
    if not base:
        return _unpaired(key, ComparisonOutcome.NEW, "BASE has no run of it", None, newest)
    for timed in base:
        if not any(_differences(timed, newest)):
            return _LatencyPair(key=key, base=timed, head=newest)
    reason = "; ".join(_differences(base[0], newest))
    return _unpaired(key, ComparisonOutcome.NOT_COMPARABLE, reason, base[0], newest)


def _differences(base: _TimedVariant, head: _TimedVariant) -> Iterator[str]:
    """Yield in which ways two latencies are of different things."""
    before, after = base.run.record, head.run.record
    for name, values in (
        ("another engine", (base.variant.engine, head.variant.engine)),
        ("another precision", (base.variant.precision, head.variant.precision)),
        ("other weights", (_weights(before), _weights(after))),
        ("another processor", (before.environment.cpu, after.environment.cpu)),
    ):
        if values[0] != values[1]:
            yield f"{name}: {values[0]}, then {values[1]}"


def _weights(record: TimingRecord) -> str:
    used = record.checkpoint
    return record.weights if used is None else f"SHA-256 {used.sha256[:8]}..."


def _judge(pairs: Sequence[_LatencyPair]) -> Iterator[tuple[LatencyKey, Comparison]]:
    """Judge all pairs together: how sure one must be depends on how many were tested."""
    obstacles = [(pair, _obstacle(pair.base) or _obstacle(pair.head)) for pair in pairs]
    tested = [pair for pair, obstacle in obstacles if obstacle is None]
    corrected = holm({pair.key: rank_test(pair.base.seconds, pair.head.seconds) for pair in tested})
    for pair, obstacle in obstacles:
        if obstacle is None:
            yield pair.key, _by_test(pair, corrected[pair.key])
        else:
            yield pair.key, _judged(pair, ComparisonOutcome.INCONCLUSIVE, obstacle)


def _obstacle(timed: _TimedVariant) -> str | None:
    """Return why nothing can be concluded from samples, or None."""
    if len(timed.seconds) < MIN_SAMPLES:
        return f"fewer than {MIN_SAMPLES} samples"
    return timed.run.record.machine.trouble


def _by_test(pair: _LatencyPair, p_value: float) -> Comparison:
    before, after = median_interval(pair.base.seconds), median_interval(pair.head.seconds)
    assert before is not None
    assert after is not None
    # Wider than need be: both medians at the unfavourable ends of their intervals.
    low, high = 100 * (after.low / before.high - 1), 100 * (after.high / before.low - 1)
    # Where the machine changed its speed within a run, it did between runs as well.
    effect = max(MINIMUM_EFFECT, _drift(pair.base.seconds), _drift(pair.head.seconds))
    if low >= -MINIMUM_EFFECT and high <= MINIMUM_EFFECT:
        outcome = ComparisonOutcome.SAME
    elif p_value >= FALSE_ALARMS or abs(pair.percent) < effect:
        outcome = ComparisonOutcome.INCONCLUSIVE
    else:
        outcome = ComparisonOutcome.WORSE if pair.percent > 0 else ComparisonOutcome.BETTER
    basis = (
        f"rank test over {len(pair.base.seconds)} and {len(pair.head.seconds)} samples, "
        f"p {p_value:.1g}; smallest that counts: {effect:.3g} %"
    )
    return _judged(pair, outcome, basis, (low, high), p_value, effect)


def _drift(samples: Sequence[float]) -> float:
    """Return by how many percent the medians of both halves differ."""
    half = len(samples) // 2
    return 100 * abs(median(samples[half:]) / median(samples[:half]) - 1)


def _judged(
    pair: _LatencyPair,
    outcome: ComparisonOutcome,
    basis: str,
    interval: tuple[float, float] | None = None,
    p_value: float | None = None,
    effect: float = MINIMUM_EFFECT,
) -> Comparison:
    is_same_run = pair.base.run.record == pair.head.run.record
    basis = f"{SAME_RUN}; {basis}" if is_same_run else basis
    return replace(
        _unpaired(pair.key, outcome, basis, pair.base, pair.head),
        difference=pair.percent,
        interval=interval,
        p_value=p_value,
        minimum_effect=effect,
    )


def _unpaired(
    key: LatencyKey,
    outcome: ComparisonOutcome,
    basis: str,
    base: _TimedVariant | None,
    head: _TimedVariant | None,
) -> Comparison:
    return Comparison(
        row=key.row,
        metric=key.variant,
        kind="speed",
        edition=key.edition,
        outcome=outcome,
        base=1000 * median(base.seconds) if base else None,
        head=1000 * median(head.seconds) if head else None,
        basis=basis,
        base_record=str(base.run.path) if base else None,
        head_record=str(head.run.path) if head else None,
    )
