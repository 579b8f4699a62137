"""What tells whether a latency changed: the medians of processes, and how much these differ anyway.

With three processes or more on each side it is seen how much they differ, and tested against; with
fewer it is stated, or measured by an A/A run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance
from typing import NamedTuple

from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.timing.medians import LEVEL, median_interval
from hrnet_zoo.timing.observations import TwinSamples, VariantTimed

MIN_PROCESSES = 3
"""Of each side; fewer say too little of what differs between processes."""

MIN_TWINS = 5
"""Pairs of processes in an A/A run; fewer do not measure what differs between them."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """What a test says of two latencies."""

    change: float
    """Logarithm of the ratio of both."""
    error: float
    """Standard error of it."""
    freedom: float
    """Degrees of freedom of the distribution that it has, Student's."""
    basis: str
    is_by_processes: bool
    """Whether what differs between processes was seen on both sides, not stated."""

    @property
    def p_value(self) -> float:
        """Return how likely so large a change is where there is none."""
        from scipy.special import stdtr  # noqa: PLC0415 - slow to import, and not always needed

        if self.error == 0:
            return float(self.change == 0)
        return float(2 * stdtr(self.freedom, -abs(self.change) / self.error))

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the change, in percent."""
        from scipy.special import stdtrit  # noqa: PLC0415 - as above

        width = float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * self.error
        return 100 * math.expm1(self.change - width), 100 * math.expm1(self.change + width)


def tested(base: VariantTimed, head: VariantTimed, between: Between) -> Tested | None:
    """Return what is known of a change; None if a process has too few samples that count.

    Args:
        base: with latencies.
        head: likewise.
        between: how much processes differ; it counts where a side has too few to tell.
    """
    numbers = len(base.process_medians), len(head.process_medians)
    change = math.log(head.latency_s / base.latency_s)
    if min(numbers) >= MIN_PROCESSES:
        return Tested(
            change=change,
            error=_standard_error(base.process_medians, head.process_medians),
            freedom=sum(numbers) - 2,
            basis=f"Student's test of the medians of {numbers[0]} and {numbers[1]} processes",
            is_by_processes=True,
        )
    squares = 0.0
    for side, count in zip((base, head), numbers, strict=True):
        for samples in side.by_process:
            within = _within(samples)
            if within is None:
                return None
            squares += (between.deviation**2 + within**2) / count**2
    few = " and ".join(f"{n} process{'es' * (n > 1)}" for n in numbers)
    return Tested(
        change=change,
        error=math.sqrt(squares),
        freedom=between.freedom,
        basis=f"{few}, which differ by {100 * between.deviation:.2g} % unchanged "
        f"({between.source})",
        is_by_processes=False,
    )


def _standard_error(first: Sequence[float], second: Sequence[float]) -> float:
    """Return that of the difference of mean logarithms, whose spread both sides share."""
    logs = [[math.log(value) for value in side] for side in (first, second)]
    squares = sum(variance(side) * (len(side) - 1) for side in logs)
    spread = squares / (len(first) + len(second) - 2)
    return math.sqrt(spread * (1 / len(first) + 1 / len(second)))


def _within(samples: Sequence[float]) -> float | None:
    """Return the standard error of the logarithm of a process's median, or None."""
    found = median_interval(samples)
    if found is None:
        return None
    return math.log(found.high / found.low) / 2 / NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, kw_only=True)
class Between:
    """How much medians differ from one process to the next although nothing was changed."""

    deviation: float
    """Standard deviation of their logarithms."""
    freedom: float
    """Degrees of freedom of that; infinite if it is stated."""
    source: str

    @property
    def smallest(self) -> float:
        """Return by how much two single processes must differ to differ at all, as a share."""
        from scipy.special import stdtrit  # noqa: PLC0415 - as above

        width = float(stdtrit(self.freedom, (1 + LEVEL) / 2)) * math.sqrt(2) * self.deviation
        return math.expm1(width)


STATED = Between(deviation=0.01, freedom=math.inf, source="stated; time --aa measures it")
"""A choice: other memory addresses, clocks and neighbours move a median by about one percent."""


class Machine(NamedTuple):
    """For what a spread between processes is measured."""

    device: str
    threads: int
    cpu: str | None


def machine_of(record: TimingRecord) -> Machine:
    """Return on what a record was taken."""
    return Machine(record.device, record.num_threads, record.environment.cpu)


def measured_between(records: Iterable[TimingRecord]) -> dict[Machine, Between]:
    """Return what the newest A/A run on each machine says of processes there, if it suffices.

    Args:
        records: newest first; those of old A/A runs, within one process, say nothing of it.
    """
    found: dict[Machine, Between] = {}
    for record in records:
        between = between_twins(record.twins)
        if between is not None and between.freedom >= MIN_TWINS and record.trouble is None:
            found.setdefault(machine_of(record), between)
    return found


def between_twins(twins: Sequence[TwinSamples]) -> Between | None:
    """Return what pairs of processes say of the spread between them; None without such pairs."""
    differences = [pair.difference for pair in twins if pair.separate]
    if not differences:
        return None
    # Each is of two processes, so it varies twice as much.
    deviation = math.sqrt(fmean(d * d for d in differences) / 2)
    pairs = len(differences)
    return Between(deviation=deviation, freedom=pairs, source=f"--aa, {pairs} pairs")
