"""Which runs of two sets of records are compared with each other, and which cannot be.

The newest run in HEAD decides, whatever became of it. Its partner is the newest run in BASE of the
same data, weights and protocol; only where there is none are the two not comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed, DatasetUsed, Measurement
from hrnet_zoo.records.base import Status
from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.selection import Counting
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome
from hrnet_zoo.zoo.row import EditionName

COMPARED_METRICS: tuple[str, ...] = ("miou", "miou_ms_flip", "box_ap", "mask_ap")
"""What runs of `verify` measure."""

_UNFINISHED: dict[Status, str] = {
    "started": "the run never finished: it was killed, or is still going on",
    "interrupted": "the run was interrupted",
    "not_run": "it could not be run",
    "error": "the run failed",
}


class AccuracyKey(NamedTuple):
    """What two runs must have in common to be a pair."""

    row: str
    edition: EditionName
    metric: str


@dataclass(frozen=True, kw_only=True)
class AccuracyPair:
    """Two runs of one number that can be compared."""

    key: AccuracyKey
    decimals: int
    """Of the printed number."""
    base: Found[AccuracyRecord]
    head: Found[AccuracyRecord]
    before: float
    """In BASE, percent."""
    after: float
    """In HEAD, percent."""

    @property
    def difference(self) -> float:
        """Return HEAD - BASE in points."""
        return self.after - self.before

    @property
    def effect(self) -> float:
        """Return half a unit of the last printed digit: less does not move the printed number."""
        return 0.5 * 10.0**-self.decimals


def measured_in(
    runs: Sequence[Found[AccuracyRecord]],
) -> dict[AccuracyKey, list[Found[AccuracyRecord]]]:
    """Return the completed runs of every number that has a value, newest first.

    Args:
        runs: newest first.
    """
    measured: dict[AccuracyKey, list[Found[AccuracyRecord]]] = {}
    for run in runs:
        for measurement in run.record.measurements:
            if run.record.status == "completed" and _value(measurement) is not None:
                key = AccuracyKey(run.record.row, run.record.edition, measurement.metric)
                measured.setdefault(key, []).append(run)
    return measured


def asked_in(
    runs: Sequence[Found[AccuracyRecord]], known: Sequence[AccuracyKey]
) -> dict[AccuracyKey, Found[AccuracyRecord]]:
    """Return the newest run that was to measure each number, whatever became of it.

    Args:
        runs: newest first.
        known: numbers of the other side; one that failed before it noted what it was asked for
            counts as a run of all of its row's.
    """
    newest = Counting[AccuracyKey, Found[AccuracyRecord]]()
    for run in reversed(runs):
        record = run.record
        of_row = [k.metric for k in known if k[:2] == (record.row, record.edition)]
        for metric in COMPARED_METRICS:
            if metric in (record.metrics or of_row):
                key = AccuracyKey(record.row, record.edition, metric)
                newest.add(key, run, record.started_at)
    return newest.runs


def pair_up(
    key: AccuracyKey,
    base: Sequence[Found[AccuracyRecord]],
    head: Found[AccuracyRecord] | None,
    decimals: int,
) -> AccuracyPair | Comparison:
    """Return what to compare, or why there is nothing to compare.

    Args:
        key: the number.
        base: runs that have a value of it, newest first.
        head: the newest run that was to measure it.
        decimals: of the printed number.
    """
    before = _value(base[0].record.measurement(key.metric)) if base else None
    if head is None:
        return _unpaired(key, ComparisonOutcome.MISSING, decimals, "HEAD has no run of it", before)
    after = _value(head.record.measurement(key.metric))
    if head.record.status != "completed" or after is None:
        return _unpaired(
            key, ComparisonOutcome.FAILED, decimals, _failure(head.record, key.metric), before
        )
    if not base:
        return _unpaired(key, ComparisonOutcome.NEW, decimals, "BASE has no run of it", None, after)
    for run in base:
        before = _value(run.record.measurement(key.metric))
        if before is not None and not any(_differences(run.record, head.record, key.metric)):
            return AccuracyPair(
                key=key, decimals=decimals, base=run, head=head, before=before, after=after
            )
    before = _value(base[0].record.measurement(key.metric))
    reason = "; ".join(_differences(base[0].record, head.record, key.metric))
    return _unpaired(key, ComparisonOutcome.NOT_COMPARABLE, decimals, reason, before, after)


def _value(measurement: Measurement | None) -> float | None:
    return None if measurement is None else measurement.value


def _unpaired(
    key: AccuracyKey,
    outcome: ComparisonOutcome,
    decimals: int,
    basis: str,
    base: float | None,
    head: float | None = None,
) -> Comparison:
    return Comparison(
        row=key.row,
        metric=key.metric,
        kind="accuracy",
        edition=key.edition,
        outcome=outcome,
        base=base,
        head=head,
        decimals=decimals,
        basis=basis,
    )


def _failure(record: AccuracyRecord, metric: str) -> str:
    """Return why a run has no value of a metric that it was to measure."""
    if record.status != "completed":
        return record.reason or _UNFINISHED[record.status]
    return record.not_run.get(metric) or "the measured value is not a number"


def _differences(base: AccuracyRecord, head: AccuracyRecord, metric: str) -> Iterator[str]:
    """Yield in which ways two measurements are of different things."""
    before, after = base.measurement(metric), head.measurement(metric)
    assert before is not None
    assert after is not None
    if base.dataset is None or head.dataset is None:
        yield "a record does not say which data were evaluated"
    else:
        yield from _other_data(base.dataset, head.dataset)
    if base.checkpoint is None or head.checkpoint is None:
        yield "a record does not say which weights were evaluated"
    else:
        yield from _other_weights(base.checkpoint, head.checkpoint)
    if before.protocol != after.protocol:
        yield "another test protocol"


def _other_data(base: DatasetUsed, head: DatasetUsed) -> Iterator[str]:
    if base.name != head.name:
        yield f"other data: {base.name}, then {head.name}"
    elif base.num_images != head.num_images:
        yield f"{base.num_images} images, then {head.num_images}"
    elif base.fingerprint != head.fingerprint:
        yield "other images or labels, by their fingerprint"


def _other_weights(base: CheckpointUsed, head: CheckpointUsed) -> Iterator[str]:
    if base.sha256 != head.sha256:
        yield f"other weights: SHA-256 {base.sha256[:8]}..., then {head.sha256[:8]}..."
