"""All that is on the page, before it becomes HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hrnet_zoo.report.html.chart_figures import ChartFigure, chart_figures
from hrnet_zoo.report.html.errata import ErrataOfCode, Erratum, by_code
from hrnet_zoo.report.html.gathering import Claim, Gathered, verdict_counts
from hrnet_zoo.report.html.history import History, history_of
from hrnet_zoo.report.html.per_class import ClassTable, class_tables
from hrnet_zoo.report.html.record_files import Problem
from hrnet_zoo.report.html.shown_records import (
    Environment,
    Fingerprint,
    ShownRecord,
    environments,
    fingerprints,
    paths_shown,
    shown_records,
)
from hrnet_zoo.report.html.table import ClaimCells, RowLine, claim_cells, row_lines
from hrnet_zoo.report.html.wording import MEANINGS, anchor, clipped
from hrnet_zoo.report.html.worst_pictures import WorstPicture, worst_pictures
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.row import Row

_LINKED = ("https://", "http://")


@dataclass(frozen=True, kw_only=True)
class VerdictCount:
    """How many claims have a verdict."""

    verdict: Verdict
    meaning: str
    count: int


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
    errata: list[ErrataOfCode] | None
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
        charts=chart_figures(gathered),
        class_tables=class_tables(gathered.claims),
        rows=_rows(gathered, shown_records(gathered, paths), paths),
        pictures=worst.pictures,
        num_pictures_left_out=worst.num_left_out,
        environments=environments(gathered),
        fingerprints=fingerprints(gathered),
        problems=gathered.problems + worst.problems,
        errata=None if errata is None else by_code(errata),
    )


def _datasets(gathered: Gathered) -> list[str]:
    return list(dict.fromkeys(row.setup.dataset for row in gathered.zoo.rows))


def _counts(gathered: Gathered) -> list[VerdictCount]:
    return [
        VerdictCount(
            verdict=verdict,
            meaning=MEANINGS[verdict],
            count=count,
        )
        for verdict, count in verdict_counts(gathered.claims).items()
    ]


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
            title=clipped(f"{row.table}: {row.method}, {row.text('backbone') or ''}", 200),
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
