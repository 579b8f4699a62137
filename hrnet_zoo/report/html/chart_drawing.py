"""The numbers behind the charts, and the charts as Vega-Lite specifications, drawn with altair.

On the page each shows one data set at a time: its signal "dataset" is set by the page's own choice.
Figures that stand alone show all, side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import altair as alt

from hrnet_zoo.report.html.details import thinned
from hrnet_zoo.report.html.gathering import Claim, Gathered
from hrnet_zoo.report.html.wording import clipped, interval_text, name_in_charts, short_name
from hrnet_zoo.report.text import metric_title
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import MISMATCHES, Verdict
from hrnet_zoo.zoo.complexity import complexity_of

HERE, DOCUMENTED = "measured here", "documented"
"""Where a number of a chart is from."""

_COMPARABLE = (Verdict.MATCH, *MISMATCHES)

Against = Literal["fps", "parameters"]
Spec = dict[str, Any]
Layers = alt.LayerChart | alt.FacetChart
AnyChart = alt.Chart | Layers

NUM_SERIES = 7
PAGE_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

_AXES: Mapping[Against, tuple[str, str, str]] = {
    "fps": ("images per second", "fps_is", "fps"),
    "parameters": ("parameters (millions)", "accuracy_is", "accuracy"),
}
"""Title of the axis; field and title of where the numbers of its marks are from."""
_DIFFERENCE = "measured - documented"
_SHAPES: dict[Verdict, str] = {
    Verdict.MATCH: "circle",
    Verdict.MISMATCH_BETTER: "triangle-up",
    Verdict.MISMATCH_WORSE: "triangle-down",
    Verdict.INCONCLUSIVE: "square",
    Verdict.NOT_COMPARABLE: "diamond",
    Verdict.NOT_DOCUMENTED: "cross",
    Verdict.NOT_RUN: "cross",
    Verdict.ERROR: "cross",
}
"""Marks of verdicts: none is told from the others by its colour alone."""


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


@dataclass(frozen=True, kw_only=True)
class Colours:
    """All colours of a chart, told apart by colour-blind readers, too (after Okabe and Ito)."""

    background: str
    ink: str
    muted: str
    grid: str
    band: str
    """Within the tolerance."""
    verdicts: Mapping[Verdict, str]
    series: Sequence[str]
    """One per backbone."""


# SVG takes its colours from properties of a style sheet, so that dark mode and print need no second
# drawing.
OF_PAGE = Colours(
    background="transparent",
    ink="var(--ink)",
    muted="var(--muted)",
    grid="var(--line)",
    band="var(--band)",
    verdicts={verdict: f"var(--{verdict.value.replace('_', '-')})" for verdict in Verdict},
    series=[f"var(--series-{number})" for number in range(1, NUM_SERIES + 1)],
)


def row_points(gathered: Gathered) -> list[RowPoint]:
    """Return the rows that document or were measured an accuracy, by the first of their metrics."""
    first: dict[str, Claim] = {}
    for claim in gathered.claims:
        if claim.row.edition == "readme" and _in_points(claim):
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
        if judgement.verdict not in _COMPARABLE or claim.run is None or not _in_points(claim):
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
                tolerance=float(tolerance.limit),
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
        if _in_points(claim)
        for run in thinned(claim.runs, claim.run)
        if (delta := run.judgement.delta) is not None
    ]


def _in_points(claim: Claim) -> bool:
    """Whether its differences can share an axis with those of other accuracies."""
    return METRICS[claim.metric].is_accuracy


def accuracy_chart(points: Sequence[RowPoint], against: Against, colours: Colours) -> alt.Chart:
    """Return accuracy against speed or size: filled marks were measured, hollow ones documented."""
    axis_title, field, title = _AXES[against]
    backbones = list(dict.fromkeys(point.backbone for point in points))
    series = [colours.series[i % NUM_SERIES] for i in range(len(backbones))]
    by_backbone = alt.Scale(domain=backbones, range=series)
    by_source = alt.Scale(domain=[HERE, DOCUMENTED], range=["circle", "diamond"])
    from_data = alt.Scale(zero=False, nice=True, padding=12)
    # A single value is its own tick, which must not be rounded.
    axis = alt.Axis(labelExpr="format(datum.value, '~r')")
    chart: alt.Chart = (
        _chart(point for point in points if getattr(point, against) is not None)
        .mark_point(size=80, strokeWidth=1.6, opacity=1)
        .encode(
            x=alt.X(f"{against}:Q", title=axis_title, scale=from_data, axis=axis),
            y=alt.Y("accuracy:Q", title="accuracy (%)", scale=from_data, axis=axis),
            stroke=alt.Stroke("backbone:N", title="backbone", scale=by_backbone),
            fill=alt.Fill("backbone:N", title="backbone", scale=by_backbone),
            shape=alt.Shape(f"{field}:N", title=title, scale=by_source),
            fillOpacity=alt.condition(f"datum.{field} === '{HERE}'", alt.value(0.85), alt.value(0)),
            tooltip=[
                *_tooltips("row", "method", "metric"),
                alt.Tooltip("accuracy:Q", format=".2f"),
                alt.Tooltip("accuracy_is:N", title="accuracy is"),
                alt.Tooltip("fps:Q", format=".2f"),
                alt.Tooltip("fps_is:N", title="fps is"),
                alt.Tooltip("parameters:Q", title="parameters (M)", format=".1f"),
            ],
        )
    )
    return chart


def delta_chart(points: Iterable[DeltaPoint], colours: Colours) -> Layers:
    """Return measured - documented with intervals over images, over the band that is a match."""
    base = _chart(points).encode(
        y=alt.Y("label:N", title=None, sort=None, axis=alt.Axis(grid=False))
    )
    axis, scale = _axis_with_zero(colours), alt.Scale(padding=8)
    band = (
        base.transform_calculate(least="-datum.tolerance")
        .mark_bar(aria=False, color=colours.band, height=alt.RelativeBandSize(0.8))
        .encode(x=alt.X("least:Q", title=_DIFFERENCE, axis=axis, scale=scale), x2="tolerance:Q")
    )
    marks = base.mark_point(size=70, filled=True, opacity=1).encode(
        x="delta:Q",
        color=verdict_colour(colours),
        shape=alt.Shape("verdict:N", **_by_verdict(_SHAPES)),
        tooltip=[
            *_tooltips("label", "metric", "documented", "measured"),
            alt.Tooltip("delta:Q", format="+.3f"),
            *_tooltips("interval", "tolerance", "verdict"),
        ],
    )
    rules = base.mark_rule(aria=False, strokeWidth=1.6).encode(
        x="low:Q", x2="high:Q", color=verdict_colour(colours)
    )
    return alt.layer(band, rules, marks)


def history_chart(points: Iterable[HistoryPoint], colours: Colours) -> Layers:
    """Return measured - documented over time, one line for each claim; pointing at one lifts it."""
    pointed = alt.selection_point(
        name="pointed", on="pointerover", clear="pointerout", fields=["label"], empty=False
    )
    base = _chart(points).encode(
        x=alt.X("time:T", title=None, axis=alt.Axis(labelOverlap=True, tickCount=6, grid=False)),
        y=alt.Y("delta:Q", title=_DIFFERENCE, axis=_axis_with_zero(colours)),
        detail="label:N",
    )
    lines = base.mark_line(aria=False, color=colours.muted).encode(
        opacity=alt.condition(pointed, alt.value(1), alt.value(0.3)),
        strokeWidth=alt.condition(pointed, alt.value(2.5), alt.value(1)),
    )
    marks = base.mark_point(size=40, filled=True).encode(
        color=verdict_colour(colours),
        shape=alt.Shape("verdict:N", **_by_verdict(_SHAPES)),
        opacity=alt.condition(pointed, alt.value(1), alt.value(0.75)),
        tooltip=[
            *_tooltips("label"),
            alt.Tooltip("time:T", format="%Y-%m-%d %H:%M"),
            alt.Tooltip("delta:Q", format="+.3f"),
            *_tooltips("verdict"),
        ],
    )
    return alt.layer(lines, marks.add_params(pointed))


def on_page(chart: AnyChart, colours: Colours) -> Spec:
    """Return a chart's specification for the page, which sets its data set and its height."""
    spec: Spec = chart.to_dict(validate=False)
    return spec | {
        "params": [{"name": "dataset", "value": ""}, *spec.get("params", [])],
        "transform": [{"filter": "datum.dataset === dataset"}],
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": style(colours, PAGE_FONT) | {"legend": {"disable": True}},
    }


def verdict_colour(colours: Colours) -> alt.Color:
    """Return the encoding that colours a mark by its verdict."""
    return alt.Color("verdict:N", **_by_verdict(colours.verdicts))


def style(colours: Colours, font: str) -> Spec:
    """Return what all charts share, as Vega-Lite's "config"."""
    text = {
        "labelColor": colours.ink,
        "titleColor": colours.muted,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    lines = dict.fromkeys(("gridColor", "domainColor", "tickColor"), colours.grid)
    symbols = {"symbolStrokeWidth": 1.6, "symbolFillColor": "transparent"}
    return {
        "background": colours.background,
        "font": font,
        "axis": text | lines,
        "axisY": {"labelLimit": 330},
        "legend": text | symbols | {"orient": "bottom", "columns": 4},
        "header": {"labelColor": colours.ink, "labelFontSize": 13},
        "view": {"stroke": None},
    }


def _chart(points: Iterable[RowPoint | DeltaPoint | HistoryPoint]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=[asdict(point) for point in points]))


def _axis_with_zero(colours: Colours) -> alt.Axis:
    """Return an axis on which 0, no difference, has a stronger line than other values."""
    is_zero = alt.datum.value == 0
    return alt.Axis(
        gridColor=alt.condition(is_zero, alt.value(colours.muted), alt.value(colours.grid))
    )


def _tooltips(*fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(field, type="nominal") for field in fields]


def _by_verdict(values: Mapping[Verdict, str]) -> dict[str, Any]:
    """Return the options of an encoding that gives each verdict its value."""
    scale = alt.Scale(domain=[v.label for v in Verdict], range=[values[v] for v in Verdict])
    return {"title": "verdict", "scale": scale, "legend": None}


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
