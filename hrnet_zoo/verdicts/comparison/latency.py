"""Judges latencies of two sets of records: a rank test, and a smallest difference that counts.

The test asks whether two lists of samples are alike. It knows nothing of what differs from one
process to the next although nothing was changed; the smallest difference that counts does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median, median_interval
from hrnet_zoo.timing.observations import InputTimed, VariantTimed
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.pairing import FoundNumber, holm, pair_up
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


class _Key(NamedTuple):
    """What two latencies must have in common to be a pair.

    A machine may time a row on its GPU and on its CPU, and both of its editions; none may hide
    another.
    """

    row: str
    edition: EditionName
    variant: str
    """With its batch, unless that is 1."""
    conditions: tuple[str, ...]
    """Under what it was timed: device, threads and input, for people."""


@dataclass(frozen=True, kw_only=True)
class _Timed(FoundNumber[TimingRecord]):
    """One variant of a row in one run."""

    variant: VariantTimed


def compare_latencies(
    base: Iterable[Found[TimingRecord]], head: Iterable[Found[TimingRecord]]
) -> list[Comparison]:
    """Return what became of every latency.

    Args:
        base: newest first.
        head: newest first.
    """
    before, after = _by_key(base), _by_key(head)
    answers = []
    for key, metric in _names({**before, **after}).items():
        timed = [seen for seen in before.get(key, []) if seen.value is not None]
        newest = next(iter(after.get(key, [])), None)
        if not timed and (newest is None or newest.value is None):
            continue  # it could not be timed in BASE either
        number = Comparison(row=key.row, metric=metric, kind="speed", edition=key.edition)
        answers.append(pair_up(number, timed, newest, _differences))
    # All are judged together: how sure one must be depends on how many were tested.
    corrected = holm(
        {
            i: rank_test(pair[0].variant.seconds, pair[1].variant.seconds)
            for i, (_, pair) in enumerate(answers)
            if pair is not None and not any(map(_obstacle, pair))
        }
    )
    return [
        number if pair is None else _judge(number, pair, corrected.get(i))
        for i, (number, pair) in enumerate(answers)
    ]


def _by_key(runs: Iterable[Found[TimingRecord]]) -> dict[_Key, list[_Timed]]:
    timed: dict[_Key, list[_Timed]] = {}
    for run in runs:
        record = run.record
        threads = f"{record.num_threads} thread{'s' * (record.num_threads != 1)}"
        conditions = (record.device, threads, _input(record.input))
        for variant in record.variants:
            seen = _Timed(
                record=record,
                path=run.path,
                value=1000 * median(variant.seconds) if variant.seconds else None,
                failure=variant.reason or "it was not timed",
                variant=variant,
            )
            key = _Key(record.row, record.edition, variant.title, conditions)
            timed.setdefault(key, []).append(seen)
    return timed


def _input(used: InputTimed) -> str:
    (height, width), window = used.network_input, used.window
    return f"{width} x {height}" + (f" in windows of {window[1]} x {window[0]}" if window else "")


def _names(keys: Iterable[_Key]) -> dict[_Key, str]:
    """Return what tells the latencies of a row apart: the variant, and conditions if they vary."""
    alike: dict[tuple[str, EditionName, str], list[_Key]] = {}
    for key in keys:
        alike.setdefault(key[:3], []).append(key)
    names = {}
    for group in alike.values():
        varies = [len(set(said)) > 1 for said in zip(*(k.conditions for k in group), strict=True)]
        for key in group:
            names[key] = ", ".join([key.variant, *compress(key.conditions, varies)])
    return names


def _differences(base: _Timed, head: _Timed) -> Iterator[str]:
    """Yield in which ways two latencies are of different things."""
    for name, before, after in (
        ("another engine", base.variant.engine, head.variant.engine),
        ("another precision", base.variant.precision, head.variant.precision),
        ("other weights", _weights(base.record), _weights(head.record)),
        ("another processor", base.record.environment.cpu, head.record.environment.cpu),
    ):
        if before != after:
            yield f"{name}: {before}, then {after}"


def _weights(record: TimingRecord) -> str:
    used = record.checkpoint
    return record.weights if used is None else used.title


def _obstacle(timed: _Timed) -> str | None:
    """Return why nothing can be concluded from samples, or None."""
    if len(timed.variant.seconds) < MIN_SAMPLES:
        return f"fewer than {MIN_SAMPLES} samples"
    return timed.record.machine.trouble


def _judge(number: Comparison, pair: tuple[_Timed, _Timed], p_value: float | None) -> Comparison:
    """Judge a pair by its p-value; None: it could not be tested."""
    base, head = (timed.variant.seconds for timed in pair)
    percent = 100 * (median(head) / median(base) - 1)
    number = replace(number, difference=percent, p_value=p_value, minimum_effect=MINIMUM_EFFECT)
    before, after = median_interval(base), median_interval(head)
    if p_value is None or before is None or after is None:
        reason = _obstacle(pair[0]) or _obstacle(pair[1]) or ""
        return number.judged(ComparisonOutcome.INCONCLUSIVE, reason)
    # Wider than need be: both medians at the unfavourable ends of their intervals.
    low, high = 100 * (after.low / before.high - 1), 100 * (after.high / before.low - 1)
    # Where the machine changed its speed within a run, it did between runs as well.
    effect = max(MINIMUM_EFFECT, _drift(base), _drift(head))
    if low >= -MINIMUM_EFFECT and high <= MINIMUM_EFFECT:
        outcome = ComparisonOutcome.SAME
    elif p_value >= FALSE_ALARMS or abs(percent) < effect:
        outcome = ComparisonOutcome.INCONCLUSIVE
    else:
        outcome = ComparisonOutcome.WORSE if percent > 0 else ComparisonOutcome.BETTER
    basis = (
        f"rank test over {len(base)} and {len(head)} samples, p {p_value:.1g}; "
        f"smallest that counts: {effect:.3g} %"
    )
    number = replace(number, interval=(low, high), minimum_effect=effect)
    return number.judged(outcome, basis)


def _drift(samples: Sequence[float]) -> float:
    """Return by how many percent the medians of both halves differ."""
    half = len(samples) // 2
    return 100 * abs(median(samples[half:]) / median(samples[:half]) - 1)


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two sets of samples come from one distribution.

    Args:
        first: N samples of any distribution.
        second: M samples; N and M should be at least 6.

    Source:
        Mann and Whitney 1947, with the normal approximation, corrected for ties and for
        continuity. The exact distribution knows no ties, which latencies have.
    """
    # Here, since importing SciPy takes longer than a comparison that has nothing to test.
    from scipy.stats import mannwhitneyu  # noqa: PLC0415

    return float(mannwhitneyu(first, second, method="asymptotic").pvalue)
