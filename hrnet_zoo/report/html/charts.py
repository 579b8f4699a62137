"""The charts of the page, each with what it shows in words and as a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hrnet_zoo.report.html.chart_drawing import (
    NUM_SERIES,
    OF_PAGE,
    Spec,
    accuracy_chart,
    delta_chart,
    history_chart,
    on_page,
)
from hrnet_zoo.report.html.chart_points import (
    DeltaPoint,
    HistoryPoint,
    RowPoint,
    delta_points,
    history_points,
    row_points,
)
from hrnet_zoo.report.html.gathering import Gathered
from hrnet_zoo.report.html.wording import clipped
from hrnet_zoo.report.text import or_dash
from hrnet_zoo.verdicts.accuracy import Verdict

_HEIGHT, _LINE_HEIGHT = 360, 20
_ROW_HEADERS = ("row", "data set", "accuracy", "is", "fps", "is", "parameters (M)")
_DELTA_HEADERS = (
    "row", "data set", "documented", "measured", "difference", "interval", "verdict",
)  # fmt: skip


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
    machine = gathered.speeds.machine
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
            says="Points: measured minus documented, in points of percent; lines: 95 % bootstrap "
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
