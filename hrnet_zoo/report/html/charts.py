"""The charts of the page, with what they show in words and as a table; the main ones as files.

Files are SVG and PNG that stand alone, made without a browser.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import altair as alt
import vl_convert

from hrnet_zoo.report.html.chart_drawing import (
    NUM_SERIES,
    OF_PAGE,
    Against,
    AnyChart,
    Colours,
    DeltaPoint,
    HistoryPoint,
    Layers,
    RowPoint,
    Spec,
    accuracy_chart,
    delta_chart,
    delta_points,
    history_chart,
    history_points,
    on_page,
    row_points,
    style,
    verdict_colour,
)
from hrnet_zoo.report.html.gathering import Gathered, verdict_counts
from hrnet_zoo.report.html.wording import clipped
from hrnet_zoo.report.text import or_dash
from hrnet_zoo.verdicts.accuracy import Verdict

_HEIGHT, _LINE_HEIGHT = 360, 20
_ROW_HEADERS = ("row", "data set", "accuracy", "is", "fps", "is", "parameters (M)")
_DELTA_HEADERS = (
    "row", "data set", "documented", "measured", "difference", "interval", "verdict",
)  # fmt: skip

_PIXELS_PER_UNIT = 2
_FONT = "Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif"
_OF_FILES = Colours(
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


@dataclass(frozen=True, kw_only=True)
class ChartFigure:
    """A chart with what it shows in words and as a table."""

    id: str
    title: str
    says: str
    """How to read it, and where its numbers are if it has no table."""
    spec: Spec
    heights: str
    """Pixels for each data set with anything to show, as JSON."""
    legend: Sequence[tuple[str, str]]
    """(class of the style sheet, what it marks)."""
    headers: Sequence[str] = ()
    lines: Sequence[Sequence[str]] = ()
    """The numbers of the chart; empty where the page has them elsewhere."""


def chart_figures(gathered: Gathered) -> list[ChartFigure]:
    """Return the charts of the page, in their order."""
    rows, deltas = row_points(gathered), delta_points(gathered.claims)
    history = history_points(gathered.claims)
    names = dict.fromkeys(point.backbone for point in rows)
    backbones = [(f"series-{i % NUM_SERIES + 1}", name) for i, name in enumerate(names)]
    machine = gathered.times.machine
    timed = f"fps measured here, on {clipped(machine, 120)}" if machine else "timed here, none yet"
    return [
        ChartFigure(
            id="speed",
            title="Accuracy against speed",
            says=f"Filled circles: {timed}. Hollow diamonds: fps as documented, on the authors' "
            "machine; do not compare one with the other.",
            spec=on_page(accuracy_chart(rows, "fps", OF_PAGE), OF_PAGE),
            heights=_heights(point for point in rows if point.fps is not None),
            legend=backbones,
            headers=_ROW_HEADERS,
            lines=[_row_numbers(point) for point in rows],
        ),
        ChartFigure(
            id="size",
            title="Accuracy against parameters",
            says="Filled circles: accuracy measured here, in full and comparable. Hollow diamonds: "
            "accuracy as documented, where there is no such measurement. "
            "The numbers are those under the chart before.",
            spec=on_page(accuracy_chart(rows, "parameters", OF_PAGE), OF_PAGE),
            heights=_heights(point for point in rows if point.parameters is not None),
            legend=backbones,
        ),
        ChartFigure(
            id="deltas",
            title="Differences from the documented values",
            says="Points: measured minus documented, in points of percent; lines: 95 % "
            "interval over images, where the record has one; grey bands: what counts as a match.",
            spec=on_page(delta_chart(deltas, OF_PAGE), OF_PAGE),
            heights=_heights(deltas, of_line=_LINE_HEIGHT),
            legend=_verdict_legend(deltas),
            headers=_DELTA_HEADERS,
            lines=[_delta_numbers(point) for point in deltas],
        ),
        ChartFigure(
            id="history",
            title="Differences over time",
            says="One line for each documented accuracy, one mark for each run; long histories are "
            "thinned. Point at a mark to lift its line out. "
            "The runs are listed under each row, in Rows in detail.",
            spec=on_page(history_chart(history, OF_PAGE), OF_PAGE),
            heights=_heights(history),
            legend=_verdict_legend(history),
        ),
    ]


def _heights(
    points: Iterable[RowPoint | DeltaPoint | HistoryPoint], of_line: int | None = None
) -> str:
    counts = Counter(point.dataset for point in points)
    return json.dumps(
        {name: (n + 1) * of_line if of_line else _HEIGHT for name, n in counts.items()}
    )


def _verdict_legend(points: Iterable[DeltaPoint | HistoryPoint]) -> list[tuple[str, str]]:
    labels = {point.verdict for point in points}
    return [(v.value.replace("_", "-"), v.label) for v in Verdict if v.label in labels]


def _row_numbers(point: RowPoint) -> tuple[str, ...]:
    return (
        point.row,
        point.dataset,
        f"{point.accuracy:.2f}",
        point.accuracy_is,
        or_dash(point.fps, ".2f"),
        point.fps_is or "-",
        or_dash(point.parameters, ".1f"),
    )


def _delta_numbers(point: DeltaPoint) -> tuple[str, ...]:
    return (
        point.label,
        point.dataset,
        f"{point.documented:g}",
        f"{point.measured:.3f}",
        f"{point.delta:+.3f}",
        point.interval,
        point.verdict,
    )


def figure_specs(gathered: Gathered) -> dict[str, Spec]:
    """Return the specifications of all figures by file name, without those that would be empty."""
    points, deltas = row_points(gathered), delta_points(gathered.claims)
    figures: dict[str, AnyChart] = {"verdicts": _verdict_bars(verdict_counts(gathered.claims))}
    for against in get_args(Against):
        if any(getattr(point, against) is not None for point in points):
            chart = accuracy_chart(points, against, _OF_FILES).properties(width=230, height=190)
            panels = chart.facet(_by_dataset(), columns=3)
            figures[f"accuracy_{against}"] = panels.resolve_scale(x="independent", y="independent")
    if deltas:
        layers = delta_chart(deltas, _OF_FILES)
        assert isinstance(layers, alt.LayerChart)
        panels = layers.properties(width=480).facet(_by_dataset(), columns=1)
        figures["deltas"] = panels.resolve_scale(y="independent")
    shared = {"config": style(_OF_FILES, _FONT), "padding": 12}
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
    """Return how many documented numbers have each verdict."""
    values = [{"verdict": v.label, "count": count} for v, count in counts.items() if count]
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("count:Q", title="documented numbers", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y("verdict:N", title=None, sort=None, axis=alt.Axis(grid=False)),
    )
    bars = base.mark_bar().encode(color=verdict_colour(_OF_FILES))
    texts = base.mark_text(align="left", dx=4, color=_OF_FILES.ink).encode(text="count:Q")
    return alt.layer(bars, texts).properties(width=560)


def _by_dataset() -> alt.Facet:
    header = alt.Header(labelFontWeight="bold", labelAnchor="start")
    return alt.Facet("dataset:N", title=None, sort=None, header=header)
