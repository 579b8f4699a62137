"""Judges every timed row by the other rows of its README.

A robust fit tells which rows can be trusted to describe the machine. Then each row is held against
a machine fitted to the trusted rows without it, so that it can neither vouch for itself nor spoil
the judgement of its neighbours. The difference is held against its own uncertainty: the noise among
the rows fitted, the uncertainty of the fit, the rounding of the printed number.

That one of many sound rows is an outlier is likely. So an outlier is a note; only what all rows
together seldom have is a finding. How often both are wrong was simulated,
`tools/simulate_fps_model.py`: 1 to 2 % of sound rows are outliers, in every choice of rows tried
there, and `bench/studies/fps_family.py` has how often a sound table has a finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hrnet_zoo.system.wording import Answer
from hrnet_zoo.verdicts.fps.machine import FpsRow, Machine, Term, affordable_terms, fit_machine
from hrnet_zoo.zoo.printed import decimals_of

SPARE_ROWS = 3
"""Rows beyond the number of parameters that a verdict asks for; with fewer, noise is unknown."""

ROWS_PER_TABLE = 3
"""Of two rows that disagree, nothing says which is wrong."""

NOISE_FLOOR = 0.02
"""Least noise of a documented fps, as a fraction.

Where a README prints several speeds of one network (Mask R-CNN, FCOS), they differ by 1 to 4 %.
"""

TRUSTED = 3.0
"""A row helps to describe the machine if the robust fit misses it by at most so many noises."""

FALSE_ALARMS = 0.01
"""Share of sound rows that are further out than is allowed, were deviates normal."""

FAMILY = 0.05
"""Share of runs over sound rows only that have a finding, at most, were deviates normal."""

WIDEST = math.log(10)
"""Logarithm of the factor that a verdict may allow either way; what allows more says nothing."""


class FpsVerdict(Answer):
    """Whether a documented fps fits those of the other rows."""

    CONSISTENT = "consistent"
    OUTLIER_FASTER = "outlier_faster"
    OUTLIER_SLOWER = "outlier_slower"
    TOO_FEW_ROWS = "too_few_rows"


OUTLIERS = (FpsVerdict.OUTLIER_FASTER, FpsVerdict.OUTLIER_SLOWER)


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """How a row's speed relates to that of another row of its table."""

    to: str
    """Name of the other row."""
    documented: float
    """Documented fps over the other row's."""
    measured: float
    """The same on this machine."""

    @property
    def difference(self) -> float:
        """Return how much larger the documented ratio is, as a fraction; negative if smaller."""
        return self.documented / self.measured - 1


@dataclass(frozen=True, kw_only=True)
class FpsJudgement:
    """One documented fps, what the other rows imply, and the verdict."""

    row: FpsRow
    verdict: FpsVerdict
    reason: str
    """Why there is no verdict; empty where there is one."""
    implied_fps: float | None = None
    """What the other rows imply the table should say."""
    interval: tuple[float, float] | None = None
    """Around it: documented fps in here are consistent."""
    ratios: tuple[Ratio, ...] = ()
    """To all other timed rows of the table; without a verdict, they are what can be said."""
    p_value: float | None = None
    """That a sound row is so far out, by itself."""

    @property
    def difference(self) -> float | None:
        """Return how much faster than implied the row is documented, as a fraction; - is slower."""
        if self.implied_fps is None:
            return None
        return float(self.row.documented_fps) / self.implied_fps - 1


def judge_fps(rows: Iterable[FpsRow]) -> list[FpsJudgement]:
    """Return the verdicts on all rows, READMEs one after the other, rows in the order given.

    Args:
        rows: all rows that were timed on one machine under one protocol, names unique.
    """
    judgements = []
    for group in _by_source(rows):
        trusted, terms = _trusted(group)
        judgements += [_judge_row(row, group, trusted, terms) for row in group]
    return judgements


def fit_documented_machines(rows: Iterable[FpsRow]) -> dict[str, Machine]:
    """Return what machine the trusted rows of each README describe, if enough were timed."""
    machines = {}
    for group in _by_source(rows):
        trusted, terms = _trusted(group)
        if terms and _freedom(trusted, terms) >= 1:
            machines[group[0].source] = fit_machine(trusted, terms)
    return machines


def findings(judgements: Sequence[FpsJudgement]) -> list[FpsJudgement]:
    """Return the rows that are further out than any of so many sound rows mostly is.

    Source:
        Bonferroni: with N rows judged, each may be a finding with a probability of `FAMILY` / N,
        however they depend on each other.
    """
    judged = [(j, j.p_value) for j in judgements if j.p_value is not None]
    return [j for j, p_value in judged if p_value * len(judged) < FAMILY]


def exit_code(judgements: Sequence[FpsJudgement]) -> int:
    """Return 1 if there are findings, else 3 if a row has no verdict, else 0.

    That some rows are outliers is no finding, as many as there are.
    """
    if findings(judgements):
        return 1
    undecided = any(j.verdict is FpsVerdict.TOO_FEW_ROWS for j in judgements)
    return 3 if undecided or not judgements else 0


def _by_source(rows: Iterable[FpsRow]) -> Iterable[list[FpsRow]]:
    groups: dict[str, list[FpsRow]] = {}
    for row in rows:
        groups.setdefault(row.source, []).append(row)
    return groups.values()


def _trusted(rows: Sequence[FpsRow]) -> tuple[list[FpsRow], tuple[Term, ...]]:
    """Return the rows that describe the machine, and the terms to do it in; none if too few."""
    judgeable = [row for row in rows if _timed_in_table(row, rows) >= ROWS_PER_TABLE]
    # One more to spare, since the row that is judged is not fitted.
    terms = affordable_terms(judgeable, SPARE_ROWS + 1)
    if not terms:
        return [], ()
    machine = fit_machine(judgeable, terms, robust=True)
    limit = TRUSTED * max(machine.noise, NOISE_FLOOR)
    return [row for row in judgeable if abs(_log_difference(row, machine)) <= limit], terms


def _timed_in_table(row: FpsRow, rows: Sequence[FpsRow]) -> int:
    return sum(other.table == row.table for other in rows)


def _freedom(rows: Sequence[FpsRow], terms: tuple[Term, ...]) -> int:
    """Return how many rows there are beyond the number of parameters."""
    return len(rows) - len({row.table for row in rows}) - len(terms)


def _judge_row(
    row: FpsRow, rows: Sequence[FpsRow], trusted: Sequence[FpsRow], terms: tuple[Term, ...]
) -> FpsJudgement:
    others = [other for other in trusted if other.name != row.name]
    freedom, here = _freedom(others, terms), _timed_in_table(row, rows)
    undecided = FpsJudgement(
        row=row,
        verdict=FpsVerdict.TOO_FEW_ROWS,
        reason=f"rows of its table that were timed: {here}; {ROWS_PER_TABLE} are needed"
        if here < ROWS_PER_TABLE
        else "too few rows of its README were timed, or agree, to tell their noise by",
        ratios=_ratios(row, rows),
    )
    if not terms or freedom < 1 or not _timed_in_table(row, others):
        return undecided
    # Here, because whatever shows fps imports this file, and few of them judge any.
    from scipy.special import stdtr, stdtrit  # noqa: PLC0415

    machine = fit_machine(others, terms)
    # By so many standard deviations a sound row may be off, either way.
    uncertainty = _uncertainty(row, machine)
    allowed = stdtrit(freedom, 1 - FALSE_ALARMS / 2) * uncertainty
    if not allowed <= WIDEST:
        return undecided
    implied, difference = 1 / machine.seconds(row), _log_difference(row, machine)
    verdict = FpsVerdict.CONSISTENT
    if abs(difference) > allowed:
        verdict = FpsVerdict.OUTLIER_FASTER if difference > 0 else FpsVerdict.OUTLIER_SLOWER
    return replace(
        undecided,
        verdict=verdict,
        reason="",
        implied_fps=implied,
        interval=(implied * math.exp(-allowed), implied * math.exp(allowed)),
        p_value=float(2 * stdtr(freedom, -abs(difference) / uncertainty)),
    )


def _log_difference(row: FpsRow, machine: Machine) -> float:
    """Return the logarithm of documented over implied fps."""
    return math.log(machine.seconds(row) / row.documented_s)


def _uncertainty(row: FpsRow, machine: Machine) -> float:
    """Return the standard deviation of that logarithm for a sound row."""
    noise = max(machine.noise, NOISE_FLOOR) * math.hypot(1, machine.uncertainty(row))
    unit = 10.0 ** -decimals_of(row.documented_fps)
    # A rounded number is off by up to half a unit, all values alike.
    return math.hypot(noise, unit / math.sqrt(12) / float(row.documented_fps))


def _ratios(row: FpsRow, rows: Sequence[FpsRow]) -> tuple[Ratio, ...]:
    return tuple(
        Ratio(
            to=other.name,
            documented=float(row.documented_fps / other.documented_fps),
            measured=other.measured_s / row.measured_s,
        )
        for other in rows
        if other.table == row.table and other.name != row.name
    )
