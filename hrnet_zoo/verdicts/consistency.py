"""Holds the fields of a record of accuracy against each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hrnet_zoo.records.accuracy import AccuracyRecord, Timings
from hrnet_zoo.tasks import METRICS

_ROUNDING = 1e-9
"""Points by which a recomputed number may differ: sums may be taken in another order."""


def is_same(said: Any, found: Any) -> bool:  # noqa: ANN401 - numbers, or whatever a field holds
    """Whether what a record says is what was recomputed, but for the rounding of numbers."""
    both = isinstance(said, float) and isinstance(found, float)
    return abs(said - found) <= _ROUNDING if both else bool(said == found)


def contradictions_in_itself(record: AccuracyRecord) -> Iterator[str]:
    """Yield what cannot be true of one run together."""
    yield from _status(record)
    yield from _checkpoint(record)
    yield from _counts(record)
    yield from _times(record)
    for measurement in record.measurements:
        name = measurement.metric
        if name not in METRICS:
            yield f'it measured "{name}", which this version does not know'
        elif METRICS[name].is_accuracy and measurement.protocol is None:
            yield f"it does not say how images were looked at for {name}"
        elif not METRICS[name].is_accuracy and measurement.protocol is not None:
            yield f"it looked at images for {name}, which is counted in the network"


def _status(record: AccuracyRecord) -> Iterator[str]:
    measured = [measurement.metric for measurement in record.measurements]
    if len(set(measured)) < len(measured):
        yield "it measured a number twice"
    if record.status != "completed":
        return
    if record.reason is not None:
        yield f"it is completed, and says why it was not: {record.reason}"
    # Old records do not say what they were asked for.
    asked = set(record.asked.metrics)
    if asked and asked != {*measured, *record.not_run}:
        yield f"it was asked for {', '.join(record.asked.metrics)}, and has {', '.join(measured)}"


def _checkpoint(record: AccuracyRecord) -> Iterator[str]:
    used = record.checkpoint
    if used is None:
        return
    if (used.known_by == "lock") != (used.locked_on is not None):
        yield f"its checkpoint was known by {used.known_by}, and is locked since {used.locked_on}"
    elif used.locked_on is not None and used.url is None:
        yield "its checkpoint is a file of the user's own, and locked"


def _counts(record: AccuracyRecord) -> Iterator[str]:
    data, limit = record.dataset, record.asked.limit
    if data is None:
        return
    if data.num_images > data.num_images_found:
        yield f"{data.num_images} images were evaluated, of {data.num_images_found}"
    # A record whose images were looked at again may have had fewer.
    expected = limit and min(limit, data.num_images_found)
    if expected not in (None, data.num_images) and not record.asked.unchanged_since:
        yield f"{data.num_images} images were evaluated, and {limit} asked for"
    taken_over, by_device = record.num_images_taken_over, record.images_by_device
    if not 0 <= taken_over <= data.num_images:
        yield f"{taken_over} of {data.num_images} images come from an earlier run"
    if by_device and sum(by_device.values()) != data.num_images - taken_over:
        yield f"its devices looked at {sum(by_device.values())} images"
    devices = record.settings.device if record.settings else ""
    if by_device and ", ".join(by_device) != devices:
        yield f"its device is {devices}, and {', '.join(by_device)} looked at images"
    if record.segments:
        parts = [segment.num_images for segment in record.segments]
        if (sum(parts), sum(parts[:-1])) != (data.num_images, taken_over):
            yield f"its segments have {', '.join(map(str, parts))} images"


def _times(record: AccuracyRecord) -> Iterator[str]:
    if record.finished_at is not None and record.finished_at < record.started_at:
        yield "it finished before it started"
    parts = [segment.timings for segment in record.segments if segment.timings]
    for timings in [record.timings, *parts]:
        if timings is not None and any(seconds < 0 for seconds in _seconds(timings)):
            yield "it took negative seconds"
    if record.segments and record.timings != Timings.total(parts):
        yield "its seconds are not those of its segments together"


def _seconds(timings: Timings) -> list[float]:
    return [value for value in dict(timings).values() if isinstance(value, float)]
