"""The main charts as files that stand alone: SVG and PNG, made without a browser."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import altair as alt
import vl_convert

from hrnet_zoo.report.html.chart_drawing import (
    Against,
    AnyChart,
    Colours,
    Layers,
    Spec,
    accuracy_chart,
    delta_chart,
    style,
    verdict_colour,
)
from hrnet_zoo.report.html.chart_points import delta_points, row_points
from hrnet_zoo.report.html.gathering import Gathered, verdict_counts
from hrnet_zoo.verdicts.accuracy import Verdict

_PIXELS_PER_UNIT = 2
_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
_COLOURS = Colours(
    background="#ffffff",
    ink="#1d2329",
    muted="#5a646e",
    grid="#dfe3e8",
    band="#e3e8ee",
    verdicts={
        Verdict.MATCH: "#00785a",
        Verdict.MISMATCH_BETTER: "#0067a8",
        Verdict.MISMATCH_WORSE: "#c04c00",
        Verdict.INCONCLUSIVE: "#946a00",
        Verdict.NOT_COMPARABLE: "#7b5aa6",
        Verdict.NOT_DOCUMENTED: "#76808a",
        Verdict.NOT_RUN: "#5a646e",
        Verdict.ERROR: "#b01550",
    },
    series=["#0072b2", "#d55e00", "#009e73", "#a04c80", "#b07d00", "#3f93c4", "#4a4f55"],
)


def figure_specs(gathered: Gathered) -> dict[str, Spec]:
    """Return the specifications of all figures by file name, without those that would be empty."""
    points, deltas = row_points(gathered), delta_points(gathered.claims)
    figures: dict[str, AnyChart] = {"verdicts": _verdict_bars(verdict_counts(gathered.claims))}
    for against in get_args(Against):
        if any(getattr(point, against) is not None for point in points):
            chart = accuracy_chart(points, against, _COLOURS).properties(width=230, height=190)
            panels = chart.facet(_by_dataset(), columns=3)
            figures[f"accuracy_{against}"] = panels.resolve_scale(x="independent", y="independent")
    if deltas:
        layers = delta_chart(deltas, _COLOURS)
        assert isinstance(layers, alt.LayerChart)
        panels = layers.properties(width=480).facet(_by_dataset(), columns=1)
        figures["deltas"] = panels.resolve_scale(y="independent")
    shared = {"config": style(_COLOURS, _FONT), "padding": 12}
    return {name: chart.to_dict(validate=False) | shared for name, chart in figures.items()}


def write_figures(gathered: Gathered, folder: Path) -> list[Path]:
    """Write every figure as SVG and as PNG; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, spec in figure_specs(gathered).items():
        text = json.dumps(spec)
        svg, png = folder / f"{name}.svg", folder / f"{name}.png"
        svg.write_text(vl_convert.vegalite_to_svg(text), encoding="utf-8")
        png.write_bytes(vl_convert.vegalite_to_png(text, scale=_PIXELS_PER_UNIT))
        written += [svg, png]
    return written


def _verdict_bars(counts: Mapping[Verdict, int]) -> Layers:
    """Return how many documented accuracies have each verdict."""
    values = [{"verdict": v.label, "count": count} for v, count in counts.items() if count]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("count:Q", title="documented accuracies", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("verdict:N", title=None, sort=None, axis=alt.Axis(grid=False)),
    )
    bars = base.mark_bar().encode(color=verdict_colour(_COLOURS))
    texts = base.mark_text(align="left", dx=4, color=_COLOURS.ink).encode(text="count:Q")
    return alt.layer(bars, texts).properties(width=560)


def _by_dataset() -> alt.Facet:
    header = alt.Header(labelFontWeight="bold", labelAnchor="start")
    return alt.Facet("dataset:N", title=None, sort=None, header=header)
