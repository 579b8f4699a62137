"""How fast rows were here: from the timings below a folder of records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hrnet_zoo.errors import did_you_mean
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.record_files import Problem
from hrnet_zoo.verdicts.fps.times import latest_times, machine_of, why_unusable


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a row was here, in the way its README was measured."""

    images_per_s: float
    path: str
    """Of the timing, below the folder of records."""
    record: TimingRecord


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """What the timings say; all of one machine, the one used last."""

    by_row: dict[str, Speed]
    machine: str | None
    """None if there is no usable timing."""
    other_machines: list[str]
    """Machines that were timed, too, earlier."""
    unusable: dict[str, int]
    """Reason -> how many timings were left out for it."""
    problems: list[Problem]


def gather_speeds(rows: Iterable[str], found: Iterable[tuple[str, TimingRecord]]) -> Speeds:
    """Return what timings say; those that say nothing about the zoo are among the problems.

    Args:
        rows: names of the zoo's rows.
        found: path below the folder of records, and content, of all timings.
    """
    timings, problems = _usable(set(rows), found)
    times = latest_times(record for _, record in timings)
    seconds = {time.name: time.seconds_per_image for time in times.times}
    return Speeds(
        by_row={
            record.row: Speed(images_per_s=1 / seconds[record.row], path=path, record=record)
            for path, record in timings
            if why_unusable(record) is None and machine_of(record) == times.machine
        },
        machine=times.machine,
        other_machines=times.other_machines,
        unusable=times.unusable,
        problems=problems,
    )


def _usable(
    rows: set[str], found: Iterable[tuple[str, TimingRecord]]
) -> tuple[list[tuple[str, TimingRecord]], list[Problem]]:
    """Return the timings of known rows, oldest first, and what is wrong with the others."""
    timings, problems = [], []
    for path, content in found:
        if not _are_times(content):
            problems.append(Problem(path=path, reason="It holds latencies that are not times."))
        elif content.row not in rows:
            reason = f'No row is called "{content.row}".{did_you_mean(content.row, rows)}'
            problems.append(Problem(path=path, reason=reason))
        else:
            timings.append((path, content))
    return sorted(timings, key=lambda timing: timing[1].started_at), problems


def _are_times(timing: TimingRecord) -> bool:
    return all(1e-6 <= seconds <= 1e6 for v in timing.variants for seconds in v.seconds)
