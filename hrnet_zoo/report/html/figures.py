"""The main charts as files that stand alone: SVG and PNG, made without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import vl_convert

from hrnet_zoo.report.html.charts import Spec, accuracy_figure, delta_figure, verdict_figure
from hrnet_zoo.report.html.colours import ON_WHITE
from hrnet_zoo.report.html.gathering import Gathered, verdict_counts
from hrnet_zoo.report.html.points import delta_points, row_points

_PIXELS_PER_UNIT = 2


def figure_specs(gathered: Gathered) -> dict[str, Spec]:
    """Return the specifications of all figures by file name, without those that would be empty."""
    points, deltas = row_points(gathered), delta_points(gathered.claims)
    specs = {"verdicts": verdict_figure(verdict_counts(gathered.claims), ON_WHITE)}
    if any(point.fps is not None for point in points):
        specs["accuracy_fps"] = accuracy_figure(points, "fps", ON_WHITE)
    if any(point.parameters is not None for point in points):
        specs["accuracy_parameters"] = accuracy_figure(points, "parameters", ON_WHITE)
    if deltas:
        specs["deltas"] = delta_figure(deltas, ON_WHITE)
    return specs


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
