"""What several processes found that timed the same row, as one record."""

from __future__ import annotations

from collections.abc import Sequence

from hrnet_zoo.records.files import now
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.observations import DOCUMENTED, SamplingUsed, TwinSamples, VariantTimed


def merged(records: Sequence[TimingRecord]) -> TimingRecord:
    """Return the first process's record with the samples of all.

    Args:
        records: in the order taken; the first says all, the others have samples of what it timed.
    """
    first, *others = records
    if not others:
        return first
    variants = [
        _joined([variant, *(_named(record, variant.name) for record in others)])
        if variant.outcome == "timed"
        else variant
        for variant in first.variants
    ]
    return _in_common(records).model_copy(update={"variants": variants})


def as_twins(records: Sequence[TimingRecord]) -> TimingRecord:
    """Return the record of an A/A run.

    Args:
        records: two for each pair, one after the other, with samples of the documented way.
    """
    taken = [_named(record, DOCUMENTED).seconds for record in records]
    twins = [
        TwinSamples(first_s=first, second_s=second, separate=True)
        for first, second in zip(taken[::2], taken[1::2], strict=True)
    ]
    left_out = {"variants": [], "sampling": None, "twins": twins}
    return _in_common(records).model_copy(update=left_out)


def _in_common(records: Sequence[TimingRecord]) -> TimingRecord:
    first = records[0]
    return first.model_copy(
        update={
            "finished_at": now(),
            "sampling": _sampling([r.sampling for r in records if r.sampling is not None]),
            "later_machines": [record.machine for record in records[1:]],
        }
    )


def _sampling(parts: Sequence[SamplingUsed]) -> SamplingUsed:
    """Return how long all sampled, and why one sampled no longer: precision only if all did."""
    stopped = (part.stopped_by for part in parts if part.stopped_by != "precision")
    return parts[0].model_copy(
        update={
            "limit_s": sum(part.limit_s for part in parts),
            "elapsed_s": round(sum(part.elapsed_s for part in parts), 3),
            "stopped_by": next(stopped, "precision"),
        }
    )


def _named(record: TimingRecord, name: str) -> VariantTimed:
    return next(variant for variant in record.variants if variant.name == name)


def _joined(parts: Sequence[VariantTimed]) -> VariantTimed:
    """Return a variant with the samples of all processes, timed only if it was in each."""
    failed = [
        (number, part.reason) for number, part in enumerate(parts, 1) if part.outcome != "timed"
    ]
    said: dict[str, object] = {
        "warm_up_s": [seconds for part in parts for seconds in part.warm_up_s],
        "is_warm": all(part.is_warm for part in parts),
        "seconds": [seconds for part in parts for seconds in part.seconds],
        "processes": [len(part.seconds) for part in parts if part.seconds],
    }
    if failed:
        number, reason = failed[0]
        said |= {"outcome": "unavailable", "reason": f"in process {number}: {reason}"}
    return parts[0].model_copy(update=said)
