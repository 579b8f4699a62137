"""Measured times from the records of `time`: one machine's, under the documented protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import DOCUMENTED, WITH_LOADING
from hrnet_zoo.verdicts.fps.times import MeasuredTime


@dataclass(frozen=True, kw_only=True)
class Timings:
    """What the records of one machine say, and what was left out."""

    machine: str | None
    """None if no record is usable."""
    times: list[MeasuredTime]
    """One per row, from its latest usable record."""
    other_machines: list[str]
    """Machines with usable records that were left out, the most recently used first."""
    unusable: dict[str, int]
    """Reason -> how many records were left out for it, of all machines."""


def latest_times(records: Iterable[TimingRecord]) -> Timings:
    """Return the times of the machine that was used last.

    A record is usable if it has times of the documented variant, at the documented scale, on a
    machine that was not throttled and had no other work, as far as the record knows. Times of two
    machines never mix: a model of one machine is fitted to them.

    Args:
        records: oldest first.
    """
    usable, unusable = [], Counter[str]()
    for record in records:
        reason = why_unusable(record)
        if reason is None:
            usable.append(record)
        else:
            unusable[reason] += 1
    machines = list(dict.fromkeys(machine_of(record) for record in reversed(usable)))
    machine = machines[0] if machines else None
    latest = {record.row: record for record in usable if machine_of(record) == machine}
    return Timings(
        machine=machine,
        times=[_measured(record) for record in latest.values()],
        other_machines=machines[1:],
        unusable=dict(unusable),
    )


def why_unusable(record: TimingRecord) -> str | None:
    """Return why a record says nothing about documented fps, or None if it does."""
    if record.twins:
        return "an A/A run"
    if record.edition != "readme":
        return "timed as the later edition"
    if not _documented_seconds(record):
        return "the documented variant was not timed"
    if not record.input.is_documented_scale:
        return "not the documented scale"
    return record.machine.trouble


def machine_of(record: TimingRecord) -> str:
    """Return in words on what a record was taken; equal for records that may be compared.

    Software counts: other versions of torch have other kernels.
    """
    torch = (record.environment.get("packages") or {}).get("torch") or "unknown version"
    software = f"torch {torch}" + ", freed memory kept" * record.keeps_freed_memory
    cpu = record.environment.get("cpu") or "unknown processor"
    if record.device == "cpu":
        threads = f"{record.num_threads} thread{'s' * (record.num_threads > 1)}"
        return f"cpu ({cpu}, {threads}), {software}"
    return f"{record.device}, {cpu}, {software}"


def _documented_seconds(record: TimingRecord) -> list[float]:
    """Return the samples of the way the README was measured: with loading, of detectors."""
    timed = {v.name: v.seconds for v in record.variants if v.outcome == "timed"}
    return timed.get(WITH_LOADING) or timed.get(DOCUMENTED, [])


def _measured(record: TimingRecord) -> MeasuredTime:
    return MeasuredTime(name=record.row, seconds_per_image=median(_documented_seconds(record)))
