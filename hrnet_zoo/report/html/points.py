"""The numbers behind the charts, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from hrnet_zoo.report.html.gathering import Claim, Gathered
from hrnet_zoo.report.html.history import thinned
from hrnet_zoo.report.html.wording import clipped, interval_text, name_in_charts, short_name
from hrnet_zoo.tasks import METRICS
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
    points = []
    seen = set()
    for claim in gathered.claims:
        name = claim.row.name
        if name in seen or claim.row.edition != "readme":
            continue
        accuracy, source = _accuracy(claim)
        seen.add(name)
        if accuracy is None:
            continue
        fps, fps_source = _fps(gathered, claim)
        counted = complexity_of(claim.row)
        points.append(
            RowPoint(
                row=name,
                label=short_name(claim.row),
                dataset=claim.row.setup.dataset,
                method=clipped(claim.row.method, 60),
                backbone=claim.row.setup.backbone,
                metric=METRICS[claim.metric].title,
                accuracy=accuracy,
                accuracy_is=source,
                fps=fps,
                fps_is=fps_source,
                parameters=counted.parameters / 1e6 if counted else None,
            )
        )
    return points


def delta_points(claims: Sequence[Claim]) -> list[DeltaPoint]:
    """Return the claims whose measured value stands beside a documented one."""
    return [
        _delta_point(claim)
        for claim in claims
        if claim.run and claim.run.delta is not None and _is_comparable(claim)
    ]


def history_points(claims: Sequence[Claim]) -> list[HistoryPoint]:
    """Return the measured runs of all claims, thinned."""
    return [
        HistoryPoint(
            label=name_in_charts(claim),
            dataset=claim.row.setup.dataset,
            time=run.started_at.isoformat(),
            delta=round(run.delta, 4),
            verdict=run.judgement.verdict.label,
        )
        for claim in claims
        for run in thinned(claim.runs, claim.run)
        if run.delta is not None
    ]


def as_values(
    points: Sequence[RowPoint] | Sequence[DeltaPoint] | Sequence[HistoryPoint],
) -> list[dict[str, object]]:
    """Return points as JSON values."""
    return [asdict(point) for point in points]


def _is_comparable(claim: Claim) -> bool:
    return claim.judgement.verdict in _COMPARABLE


def _accuracy(claim: Claim) -> tuple[float | None, str]:
    if claim.run and claim.run.measured is not None and _is_comparable(claim):
        return round(claim.run.measured, 4), HERE
    documented = claim.judgement.documented
    return (None if documented is None else float(documented)), DOCUMENTED


def _fps(gathered: Gathered, claim: Claim) -> tuple[float | None, str | None]:
    speed, documented = gathered.speeds.by_row.get(claim.row.name), claim.row.documented("fps")
    if speed:
        return round(speed.images_per_s, 3), HERE
    return (float(documented), DOCUMENTED) if documented else (None, None)


def _delta_point(claim: Claim) -> DeltaPoint:
    judgement, run = claim.judgement, claim.run
    assert run is not None
    assert run.delta is not None
    assert run.measured is not None
    assert judgement.documented is not None
    assert judgement.tolerance is not None
    documented, interval = float(judgement.documented), run.interval
    return DeltaPoint(
        label=name_in_charts(claim),
        dataset=claim.row.setup.dataset,
        metric=METRICS[claim.metric].title,
        documented=documented,
        measured=round(run.measured, 4),
        delta=round(run.delta, 4),
        low=round((interval.low if interval else run.measured) - documented, 4),
        high=round((interval.high if interval else run.measured) - documented, 4),
        interval=interval_text(interval) or "none recorded",
        tolerance=float(judgement.tolerance),
        verdict=judgement.verdict.label,
    )
