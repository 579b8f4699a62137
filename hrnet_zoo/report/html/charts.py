"""The charts as Vega-Lite specifications, drawn with altair.

On the page each shows one data set at a time: its signal "dataset" is set by the page's own choice.
Figures that stand alone show all, side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt

from hrnet_zoo.report.html.colours import SHAPES, Colours
from hrnet_zoo.report.html.points import (
    DOCUMENTED,
    HERE,
    DeltaPoint,
    HistoryPoint,
    RowPoint,
    as_values,
)
from hrnet_zoo.verdicts.accuracy import Verdict

Against = Literal["fps", "parameters"]
Spec = dict[str, Any]
Layers = alt.LayerChart | alt.FacetChart
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart

_TITLES: Mapping[Against, str] = {
    "fps": "images per second",
    "parameters": "parameters (millions)",
}
_SOURCE: Mapping[Against, tuple[str, str]] = {
    "fps": ("fps_is", "fps"),
    "parameters": ("accuracy_is", "accuracy"),
}
_FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
_FIGURE_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
_DIFFERENCE = "measured - documented"


def accuracy_chart(points: Sequence[RowPoint], against: Against, colours: Colours) -> alt.Chart:
    """Return accuracy against speed or size: filled marks were measured, hollow ones documented."""
    field, title = _SOURCE[against]
    backbones = list(dict.fromkeys(point.backbone for point in points))
    scale = alt.Scale(domain=backbones, range=_cycled(colours.series, len(backbones)))
    sources = alt.Scale(domain=[HERE, DOCUMENTED], range=["circle", "diamond"])
    # A single value is its own tick, which must not be rounded.
    axis = alt.Axis(labelExpr="format(datum.value, '~r')")
    there = [point for point in points if getattr(point, against) is not None]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=as_values(there)))
        .mark_point(size=80, strokeWidth=1.6, opacity=1)
        .encode(
            x=alt.X(f"{against}:Q", title=_TITLES[against], scale=_from_data(), axis=axis),
            y=alt.Y("accuracy:Q", title="accuracy (%)", scale=_from_data(), axis=axis),
            stroke=alt.Stroke("backbone:N", title="backbone", scale=scale),
            fill=alt.Fill("backbone:N", title="backbone", scale=scale),
            shape=alt.Shape(f"{field}:N", title=title, scale=sources),
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


def delta_chart(points: Sequence[DeltaPoint], colours: Colours) -> Layers:
    """Return measured - documented with bootstrap intervals, over the band that is a match."""
    base = alt.Chart(alt.InlineData(values=as_values(points))).encode(
        y=alt.Y("label:N", title=None, sort=None, axis=alt.Axis(grid=False))
    )
    axis = _axis_with_zero(colours)
    band = (
        base.transform_calculate(least="-datum.tolerance")
        .mark_bar(aria=False, color=colours.band, height=alt.RelativeBandSize(0.8))
        .encode(
            x=alt.X("least:Q", title=_DIFFERENCE, axis=axis, scale=alt.Scale(padding=8)),
            x2="tolerance:Q",
        )
    )
    marks = base.mark_point(size=70, filled=True, opacity=1).encode(
        x="delta:Q",
        color=_verdict_colour(colours),
        shape=_verdict_shape(),
        tooltip=[
            *_tooltips("label", "metric", "documented", "measured"),
            alt.Tooltip("delta:Q", format="+.3f"),
            *_tooltips("interval", "tolerance", "verdict"),
        ],
    )
    rules = base.mark_rule(aria=False, strokeWidth=1.6).encode(
        x="low:Q", x2="high:Q", color=_verdict_colour(colours)
    )
    return alt.layer(band, rules, marks)


def history_chart(points: Sequence[HistoryPoint], colours: Colours) -> Layers:
    """Return measured - documented over time, one line for each claim; pointing at one lifts it."""
    pointed = alt.selection_point(
        name="pointed", on="pointerover", clear="pointerout", fields=["label"], empty=False
    )
    base = alt.Chart(alt.InlineData(values=as_values(points))).encode(
        x=alt.X("time:T", title=None, axis=alt.Axis(labelOverlap=True, tickCount=6, grid=False)),
        y=alt.Y("delta:Q", title=_DIFFERENCE, axis=_axis_with_zero(colours)),
        detail="label:N",
    )
    lines = base.mark_line(aria=False, color=colours.muted).encode(
        opacity=alt.condition(pointed, alt.value(1), alt.value(0.3)),
        strokeWidth=alt.condition(pointed, alt.value(2.5), alt.value(1)),
    )
    marks = base.mark_point(size=40, filled=True).encode(
        color=_verdict_colour(colours),
        shape=_verdict_shape(),
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
        "config": _config(colours, _FONT) | {"legend": {"disable": True}},
    }


def accuracy_figure(points: Sequence[RowPoint], against: Against, colours: Colours) -> Spec:
    """Return accuracy against speed or size as one figure with a panel for each data set."""
    chart = accuracy_chart(points, against, colours).properties(width=230, height=190)
    panels = chart.facet(_by_dataset(), columns=3).resolve_scale(x="independent", y="independent")
    return _alone(panels, colours)


def delta_figure(points: Sequence[DeltaPoint], colours: Colours) -> Spec:
    """Return all differences as one figure with a panel for each data set."""
    chart = delta_chart(points, colours)
    assert isinstance(chart, alt.LayerChart)
    panels = chart.properties(width=480).facet(_by_dataset(), columns=1)
    return _alone(panels.resolve_scale(y="independent"), colours)


def verdict_figure(counts: Mapping[Verdict, int], colours: Colours) -> Spec:
    """Return how many documented accuracies have each verdict, as bars."""
    values = [{"verdict": v.label, "count": count} for v, count in counts.items() if count]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("count:Q", title="documented accuracies", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("verdict:N", title=None, sort=None, axis=alt.Axis(grid=False)),
    )
    bars = base.mark_bar().encode(color=_verdict_colour(colours))
    texts = base.mark_text(align="left", dx=4, color=colours.ink).encode(text="count:Q")
    return _alone(alt.layer(bars, texts).properties(width=560), colours)


def _by_dataset() -> alt.Facet:
    header = alt.Header(labelFontWeight="bold", labelAnchor="start")
    return alt.Facet("dataset:N", title=None, sort=None, header=header)


def _alone(chart: AnyChart, colours: Colours) -> Spec:
    spec: Spec = chart.to_dict(validate=False)
    return spec | {"config": _config(colours, _FIGURE_FONT), "padding": 12}


def _axis_with_zero(colours: Colours) -> alt.Axis:
    """Return an axis on which 0, no difference, has a stronger line than other values."""
    is_zero = alt.datum.value == 0
    return alt.Axis(
        gridColor=alt.condition(is_zero, alt.value(colours.muted), alt.value(colours.grid))
    )


def _from_data() -> alt.Scale:
    return alt.Scale(zero=False, nice=True, padding=12)


def _cycled(colours: Sequence[str], count: int) -> list[str]:
    return [colours[i % len(colours)] for i in range(count)]


def _tooltips(*fields: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(field, type="nominal") for field in fields]


def _verdict_colour(colours: Colours) -> alt.Color:
    labels = [verdict.label for verdict in Verdict]
    scale = alt.Scale(domain=labels, range=[colours.verdicts[verdict] for verdict in Verdict])
    return alt.Color("verdict:N", title="verdict", scale=scale, legend=None)


def _verdict_shape() -> alt.Shape:
    labels = [verdict.label for verdict in Verdict]
    scale = alt.Scale(domain=labels, range=[SHAPES[verdict] for verdict in Verdict])
    return alt.Shape("verdict:N", title="verdict", scale=scale, legend=None)


def _config(colours: Colours, font: str) -> Spec:
    axis = {
        "labelColor": colours.ink,
        "titleColor": colours.muted,
        "gridColor": colours.grid,
        "domainColor": colours.grid,
        "tickColor": colours.grid,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    legend = {
        "labelColor": colours.ink,
        "titleColor": colours.muted,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "symbolStrokeWidth": 1.6,
        "orient": "bottom",
        "columns": 4,
        "symbolFillColor": "transparent",
    }
    return {
        "background": colours.background,
        "font": font,
        "axis": axis,
        "axisY": {"labelLimit": 330},
        "legend": legend,
        "header": {"labelColor": colours.ink, "labelFontSize": 13},
        "view": {"stroke": None},
    }
