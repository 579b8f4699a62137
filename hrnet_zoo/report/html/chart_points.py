"""The numbers behind the charts, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hrnet_zoo.report.html.details import thinned
from hrnet_zoo.report.html.gathering import Claim, Gathered
from hrnet_zoo.report.html.wording import clipped, interval_text, name_in_charts, short_name
from hrnet_zoo.report.text import metric_title
from hrnet_zoo.verdicts.accuracy import MISMATCHES, Verdict
from hrnet_zoo.zoo.complexity import complexity_of

HERE, DOCUMENTED = "measured here", "documented"
"""Where a number of a chart is from."""

_COMPARABLE = (Verdict.MATCH, *MISMATCHES)


@dataclass(frozen=True, kw_only=True)
class RowPoint:
    """A row in the charts of accuracy against speed and size."""

    row: str
    label: str
    dataset: str
    method: str
    backbone: str
    metric: str
    accuracy: float
    """Percent."""
    accuracy_is: str
    """`HERE` or `DOCUMENTED`."""
    fps: float | None
    fps_is: str | None
    parameters: float | None
    """In millions."""


@dataclass(frozen=True, kw_only=True)
class DeltaPoint:
    """A claim that was measured, in the chart of differences; all in points."""

    label: str
    dataset: str
    metric: str
    documented: float
    measured: float
    delta: float
    low: float
    high: float
    """Bootstrap interval of the difference; the difference itself where there is none."""
    interval: str
    tolerance: float
    verdict: str


@dataclass(frozen=True, kw_only=True)
class HistoryPoint:
    """One run in the chart of differences over time."""

    label: str
    dataset: str
    time: str
    """ISO 8601, in UTC as recorded."""
    delta: float
    verdict: str


def row_points(gathered: Gathered) -> list[RowPoint]:
    """Return the rows that document or were measured an accuracy, by the first of their metrics."""
    first: dict[str, Claim] = {}
    for claim in gathered.claims:
        if claim.row.edition == "readme":
            first.setdefault(claim.row.name, claim)
    points = []
    for name, claim in first.items():
        row, (accuracy, accuracy_is) = claim.row, _accuracy(claim)
        if accuracy is None:
            continue
        fps, fps_is = _fps(gathered, claim)
        counted = complexity_of(row)
        points.append(
            RowPoint(
                row=name,
                label=short_name(row),
                dataset=row.setup.dataset,
                method=clipped(row.method, 60),
                backbone=row.setup.backbone,
                metric=metric_title(claim.metric),
                accuracy=accuracy,
                accuracy_is=accuracy_is,
                fps=fps,
                fps_is=fps_is,
                parameters=counted.parameters / 1e6 if counted else None,
            )
        )
    return points


def delta_points(claims: Iterable[Claim]) -> list[DeltaPoint]:
    """Return the claims whose measured value stands beside a documented one."""
    points = []
    for claim in claims:
        judgement = claim.judgement
        documented, tolerance = judgement.documented, judgement.tolerance
        if judgement.verdict not in _COMPARABLE or claim.run is None:
            continue
        measured, delta, interval = judgement.measured, judgement.delta, claim.run.interval
        if documented is None or tolerance is None or measured is None or delta is None:
            continue
        low, high = (interval.low, interval.high) if interval else (measured, measured)
        points.append(
            DeltaPoint(
                label=name_in_charts(claim),
                dataset=claim.row.setup.dataset,
                metric=metric_title(claim.metric),
                documented=float(documented),
                measured=round(measured, 4),
                delta=round(delta, 4),
                low=round(low - float(documented), 4),
                high=round(high - float(documented), 4),
                interval=interval_text(claim.run) or "none recorded",
                tolerance=float(tolerance),
                verdict=judgement.verdict.label,
            )
        )
    return points


def history_points(claims: Iterable[Claim]) -> list[HistoryPoint]:
    """Return the measured runs of all claims, thinned."""
    return [
        HistoryPoint(
            label=name_in_charts(claim),
            dataset=claim.row.setup.dataset,
            time=run.started_at.isoformat(),
            delta=round(delta, 4),
            verdict=run.judgement.verdict.label,
        )
        for claim in claims
        for run in thinned(claim.runs, claim.run)
        if (delta := run.judgement.delta) is not None
    ]


def _accuracy(claim: Claim) -> tuple[float | None, str]:
    judgement = claim.judgement
    if judgement.measured is not None and judgement.verdict in _COMPARABLE:
        return round(judgement.measured, 4), HERE
    documented = judgement.documented
    return (None if documented is None else float(documented)), DOCUMENTED


def _fps(gathered: Gathered, claim: Claim) -> tuple[float | None, str | None]:
    speed, documented = gathered.speeds.get(claim.row.name), claim.row.documented("fps")
    if speed:
        return round(speed.images_per_s, 3), HERE
    return (float(documented), DOCUMENTED) if documented else (None, None)
