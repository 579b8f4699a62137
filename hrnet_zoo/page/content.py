"""All that is on the page, before it becomes HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from hrnet_zoo.page.charts import Spec, accuracy_chart, delta_chart, history_chart, on_page
from hrnet_zoo.page.colours import NUM_SERIES, OF_PAGE
from hrnet_zoo.page.gathering import Claim, Gathered, verdict_counts
from hrnet_zoo.page.history import History, history_of
from hrnet_zoo.page.per_class import ClassTable, class_tables
from hrnet_zoo.page.points import (
    DeltaPoint,
    HistoryPoint,
    RowPoint,
    delta_points,
    history_points,
    row_points,
)
from hrnet_zoo.page.record_files import Problem
from hrnet_zoo.page.shown_records import (
    Environment,
    Fingerprint,
    ShownRecord,
    environments,
    fingerprints,
    paths_shown,
    shown_records,
)
from hrnet_zoo.page.table import ClaimCells, RowLine, claim_cells, row_lines
from hrnet_zoo.page.wording import MEANINGS, anchor, clipped
from hrnet_zoo.page.worst_pictures import WorstPicture, worst_pictures
from hrnet_zoo.row import Row
from hrnet_zoo.verdicts import Verdict

_HEIGHT, _LINE_HEIGHT = 360, 20
_DELTA_HEADERS = (
    "row", "data set", "documented", "measured", "difference", "interval", "verdict",
)  # fmt: skip
_LINKED = ("https://", "http://")


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """Something wrong in a document itself, whatever was measured."""

    code: str
    """Stable name of the kind of finding."""
    severity: str
    line: int | None
    """Of the document, from 1."""
    message: str


@dataclass(frozen=True, kw_only=True)
class VerdictCount:
    """How many claims have a verdict."""

    verdict: Verdict
    meaning: str
    count: int


@dataclass(frozen=True, kw_only=True)
class ChartFigure:
    """A chart with what it shows in words and as a table."""

    id: str
    title: str
    says: str
    """How to read it."""
    spec: Spec
    heights: str
    """Pixels for each data set with anything to show, as JSON."""
    legend: tuple[tuple[str, str], ...]
    """(class of the style sheet, what it marks)."""
    headers: tuple[str, ...]
    lines: list[tuple[str, ...]]
    """The numbers of the chart; empty where the page has them elsewhere."""
    elsewhere: str


@dataclass(frozen=True, kw_only=True)
class RowDetails:
    """Everything about one row."""

    name: str
    anchor: str
    title: str
    links: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    claims: tuple[ClaimCells, ...]
    histories: tuple[History, ...]
    records: tuple[ShownRecord, ...]


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page."""

    made_at: datetime
    version: str
    gathered: Gathered
    counts: list[VerdictCount]
    num_claims: int
    lines: list[RowLine]
    datasets: list[str]
    charts: list[ChartFigure]
    class_tables: list[ClassTable]
    rows: list[RowDetails]
    pictures: list[WorstPicture]
    num_pictures_left_out: int
    environments: list[Environment]
    fingerprints: list[Fingerprint]
    problems: list[Problem]
    errata: Sequence[Erratum] | None
    """None: nobody looked for any."""


def page_of(
    gathered: Gathered, *, made_at: datetime, version: str, errata: Sequence[Erratum] | None = None
) -> Page:
    """Return what the page says of a zoo and its records."""
    paths = paths_shown(gathered)
    worst = worst_pictures(gathered.folder, gathered.claims)
    return Page(
        made_at=made_at,
        version=version,
        gathered=gathered,
        counts=_counts(gathered),
        num_claims=len(gathered.claims),
        lines=row_lines(gathered, paths),
        datasets=_datasets(gathered),
        charts=_charts(gathered),
        class_tables=class_tables(gathered.claims),
        rows=_rows(gathered, shown_records(gathered, paths), paths),
        pictures=worst.pictures,
        num_pictures_left_out=worst.num_left_out,
        environments=environments(gathered),
        fingerprints=fingerprints(gathered),
        problems=gathered.problems + worst.problems,
        errata=errata,
    )


def _datasets(gathered: Gathered) -> list[str]:
    return list(dict.fromkeys(row.reading.dataset for row in gathered.zoo.rows))


def _counts(gathered: Gathered) -> list[VerdictCount]:
    return [
        VerdictCount(
            verdict=verdict,
            meaning=MEANINGS[verdict],
            count=count,
        )
        for verdict, count in verdict_counts(gathered.claims).items()
    ]


def _charts(gathered: Gathered) -> list[ChartFigure]:
    rows, deltas = row_points(gathered), delta_points(gathered.claims)
    history = history_points(gathered.claims)
    backbones = _backbone_legend(rows)
    machine = gathered.speed_machine
    timed = f"fps measured here, on {clipped(machine, 120)}" if machine else "timed here, none yet"
    numbers = [_row_numbers(point) for point in rows]
    headers = ("row", "data set", "accuracy", "is", "fps", "is", "parameters (M)")
    return [
        ChartFigure(
            id="speed",
            title="Accuracy against speed",
            says=f"Filled circles: {timed}. Hollow diamonds: fps as documented, on the authors' "
            "machine; do not compare one with the other.",
            spec=on_page(accuracy_chart(rows, "fps", OF_PAGE), OF_PAGE),
            heights=_heights(point for point in rows if point.fps is not None),
            legend=backbones,
            headers=headers,
            lines=numbers,
            elsewhere="",
        ),
        ChartFigure(
            id="size",
            title="Accuracy against parameters",
            says="Filled circles: accuracy measured here, in full and comparable. Hollow diamonds: "
            "accuracy as documented, where there is no such measurement.",
            spec=on_page(accuracy_chart(rows, "parameters", OF_PAGE), OF_PAGE),
            heights=_heights(point for point in rows if point.parameters is not None),
            legend=backbones,
            headers=(),
            lines=[],
            elsewhere="The numbers are those under the chart before.",
        ),
        ChartFigure(
            id="deltas",
            title="Differences from the documented values",
            says="Points: measured minus documented, in points of percent; lines: 95 % bootstrap "
            "interval over images, where the record has one; grey bands: what counts as a match.",
            spec=on_page(delta_chart(deltas, OF_PAGE), OF_PAGE),
            heights=_heights(deltas, of_line=_LINE_HEIGHT),
            legend=_verdict_legend({point.verdict for point in deltas}),
            headers=_DELTA_HEADERS,
            lines=[_delta_numbers(point) for point in deltas],
            elsewhere="",
        ),
        ChartFigure(
            id="history",
            title="Differences over time",
            says="One line for each documented accuracy, one mark for each run; long histories are "
            "thinned. Point at a mark to lift its line out.",
            spec=on_page(history_chart(history, OF_PAGE), OF_PAGE),
            heights=_heights(history),
            legend=_verdict_legend({point.verdict for point in history}),
            headers=(),
            lines=[],
            elsewhere="The runs are listed under each row, in Rows in detail.",
        ),
    ]


def _heights(
    points: Iterable[RowPoint | DeltaPoint | HistoryPoint], of_line: int | None = None
) -> str:
    counts = Counter(point.dataset for point in points)
    return json.dumps(
        {name: (n + 1) * of_line if of_line else _HEIGHT for name, n in counts.items()}
    )


def _backbone_legend(rows: Sequence[RowPoint]) -> tuple[tuple[str, str], ...]:
    names = dict.fromkeys(point.backbone for point in rows)
    return tuple((f"series-{i % NUM_SERIES + 1}", name) for i, name in enumerate(names))


def _verdict_legend(labels: Set[str]) -> tuple[tuple[str, str], ...]:
    return tuple((v.value.replace("_", "-"), v.label) for v in Verdict if v.label in labels)


def _row_numbers(point: RowPoint) -> tuple[str, ...]:
    return (
        point.row,
        point.dataset,
        f"{point.accuracy:.2f}",
        point.accuracy_is,
        "-" if point.fps is None else f"{point.fps:.2f}",
        point.fps_is or "-",
        "-" if point.parameters is None else f"{point.parameters:.1f}",
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


def _rows(
    gathered: Gathered,
    records: Sequence[ShownRecord],
    paths: Mapping[str, int],
) -> list[RowDetails]:
    claims: dict[str, list[Claim]] = {}
    for claim in gathered.claims:
        claims.setdefault(claim.row.name, []).append(claim)
    return [
        RowDetails(
            name=row.name,
            anchor=anchor(row),
            title=clipped(f"{row.table}: {row.method}, {row.printed.backbone}", 200),
            links=_links(row),
            notes=tuple(row.notes),
            claims=tuple(claim_cells(claim, paths) for claim in claims.get(row.name, ())),
            histories=tuple(history_of(c) for c in claims.get(row.name, ()) if c.runs),
            records=tuple(record for record in records if record.row == row.name),
        )
        for row in gathered.zoo.rows
    ]


def _links(row: Row) -> tuple[tuple[str, str], ...]:
    """Return the row's links; only addresses of the web, whatever else a manifest may say."""
    links = {"config": row.config_url, "checkpoint": row.checkpoint_url, "log": row.log_url}
    return tuple((what, url) for what, url in links.items() if url and url.startswith(_LINKED))
