"""Judges latencies of two sets of records by the medians of processes.

Medians differ from one process to the next although nothing was changed, by more than samples of
one process can tell. With three processes or more on each side that is seen, and tested against;
with fewer it is stated, or measured by an A/A run. `bench/studies/latency_false_alarms.py` finds
how often this is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import NamedTuple

from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import InputTimed, VariantTimed
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.pairing import FoundNumber, holm, pair_up
from hrnet_zoo.verdicts.comparison.processes import (
    STATED,
    Between,
    Machine,
    Tested,
    machine_of,
    measured_between,
    tested,
)
from hrnet_zoo.zoo.row import EditionName

FALSE_ALARMS = 0.05
"""Probability of calling any latency of a whole comparison changed where none is, at most."""

MINIMUM_EFFECT = 3.0
"""Smallest change of a median that counts, in percent.

A choice: nobody would act on less than this.
"""

MIN_SAMPLES = 6
"""Of a process; fewer have no interval of their median."""

ALIKE_CLOCKS = 0.02
"""Of a GPU's clock: by how much two runs' may differ, as a share; it moves latencies as much."""


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
    base, head = list(base), list(head)
    before, after = _by_key(base), _by_key(head)
    between = measured_between(run.record for run in (*head, *base))
    answers = []
    for key, metric in _names({**before, **after}).items():
        seen = before.get(key, [])
        timed = [one for one in seen if one.value is not None]
        newest = next(iter(after.get(key, [])), None)
        if not timed and (newest is None or newest.value is None):
            continue  # it could not be timed in BASE either
        number = Comparison(row=key.row, metric=metric, kind="speed", edition=key.edition)
        failed = bool(seen) and seen[0].value is None
        answers.append(pair_up(number, timed, newest, _differences, failed_before=failed))
    tests = [
        None if pair is None or _obstacle(pair) else _test(pair, between) for _, pair in answers
    ]
    # All are judged together: how sure one must be depends on how many were tested.
    corrected = holm({i: test.p_value for i, test in enumerate(tests) if test is not None})
    return [
        number if pair is None else _judge(number, pair, tests[i], corrected.get(i))
        for i, (number, pair) in enumerate(answers)
    ]


def _by_key(runs: Iterable[Found[TimingRecord]]) -> dict[_Key, list[_Timed]]:
    timed: dict[_Key, list[_Timed]] = {}
    for run in runs:
        record = run.record
        threads = f"{record.num_threads} thread{'s' * (record.num_threads != 1)}"
        # Another GPU of that number makes another machine, not another number.
        conditions = (record.device.partition(" ")[0], threads, _input(record.input))
        for variant in record.variants:
            seen = _Timed(
                record=record,
                path=run.path,
                value=1000 * variant.latency_s if variant.seconds else None,
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
        ("another GPU", base.record.device, head.record.device),
        ("other clocks set", _clocks_set(base.record), _clocks_set(head.record)),
    ):
        if before != after:
            yield f"{name}: {before}, then {after}"


def _clocks_set(record: TimingRecord) -> str:
    by = dict.fromkeys(why for machine in record.machines for why in machine.clocks_set_by)
    return ", ".join(by) or "none"


def _weights(record: TimingRecord) -> str:
    used = record.checkpoint
    return record.weights if used is None else used.title


def _obstacle(pair: tuple[_Timed, _Timed]) -> str | None:
    """Return why nothing can be concluded from samples, or None."""
    for timed in pair:
        if any(len(part) < MIN_SAMPLES for part in timed.variant.by_process):
            return f"fewer than {MIN_SAMPLES} samples of a process"
        if timed.record.trouble is not None:
            return timed.record.trouble
    before, after = (_clock_of(timed.record) for timed in pair)
    if before and after and abs(after / before - 1) > ALIKE_CLOCKS:
        return f"the GPU ran at {before:.0f} MHz, then at {after:.0f} MHz"
    return None


def _clock_of(record: TimingRecord) -> float | None:
    """Return the clock that a GPU mostly had while it was timed, in MHz, or None."""
    seen = [m.gpu_clock_mhz for m in record.machines if m.gpu_clock_mhz is not None]
    return median(seen) if seen else None


def _test(pair: tuple[_Timed, _Timed], between: Mapping[Machine, Between]) -> Tested | None:
    known = between.get(machine_of(pair[1].record), STATED)
    return tested(pair[0].variant, pair[1].variant, known)


def _judge(
    number: Comparison, pair: tuple[_Timed, _Timed], test: Tested | None, p_value: float | None
) -> Comparison:
    """Judge a pair by its corrected p-value; None: it could not be tested."""
    base, head = (timed.variant for timed in pair)
    percent = 100 * (head.latency_s / base.latency_s - 1)
    number = replace(number, difference=percent, p_value=p_value, minimum_effect=MINIMUM_EFFECT)
    if base.seconds == head.seconds:
        return number.judged(ComparisonOutcome.SAME, "equal samples")
    if test is None or p_value is None:
        reason = _obstacle(pair) or "too few samples that do not depend on each other"
        return number.judged(ComparisonOutcome.INCONCLUSIVE, reason)
    low, high = test.interval
    number = replace(number, interval=(low, high))
    unknown = pair[0].record.unknown or pair[1].record.unknown
    is_narrow = low >= -MINIMUM_EFFECT and high <= MINIMUM_EFFECT
    basis = f"{test.basis}, p {p_value:.1g}; smallest that counts: {MINIMUM_EFFECT:g} %"
    if is_narrow and test.is_by_processes:
        outcome = ComparisonOutcome.SAME
    elif p_value >= FALSE_ALARMS or abs(percent) < MINIMUM_EFFECT:
        outcome = ComparisonOutcome.INCONCLUSIVE
    elif unknown is not None:
        outcome, basis = ComparisonOutcome.INCONCLUSIVE, f"{unknown}; {basis}"
    else:
        outcome = ComparisonOutcome.WORSE if percent > 0 else ComparisonOutcome.BETTER
    return number.judged(outcome, basis)
