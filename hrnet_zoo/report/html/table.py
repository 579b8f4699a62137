"""All rows: the lines of the table, and what one claim says as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from hrnet_zoo.report.html.gathering import Claim, Gathered
from hrnet_zoo.report.html.wording import anchor, clipped, interval_text
from hrnet_zoo.report.judgements import measured_cells
from hrnet_zoo.report.rows import metric_title
from hrnet_zoo.report.text import or_dash
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row

Anchors = Mapping[str, str]
"""Path of a record that is on the page -> its id there."""


@dataclass(frozen=True, kw_only=True)
class ClaimCells:
    """One claim as text: cells of a table."""

    title: str
    """What the metric is called."""
    edition: str
    documented: str
    measured: str
    delta: str
    delta_value: float | None
    """To sort by."""
    interval: str
    """Bootstrap interval of the measured value."""
    verdict: Verdict
    reason: str
    record: str | None
    """Id of the record behind it, on the page."""


@dataclass(frozen=True, kw_only=True)
class RowLine:
    """One row, as one edition documents it."""

    row: Row
    anchor: str
    backbone: str
    schedule: str
    """Both as printed."""
    cells: tuple[ClaimCells | None, ClaimCells | None]
    """Single-scale mIoU or box AP; then mIoU(ms+flip) or mask AP."""
    documented_fps: str
    measured_fps: str
    measured_fps_record: str | None
    parameters: str
    """In millions."""

    @property
    def verdicts(self) -> str:
        """Return the verdicts on this row, to filter by."""
        return " ".join(dict.fromkeys(cells.verdict.value for cells in self.cells if cells))


def claim_cells(claim: Claim, anchors: Anchors) -> ClaimCells:
    """Return one claim as text."""
    judgement = claim.judgement
    measured, delta = measured_cells(judgement)
    return ClaimCells(
        title=metric_title(claim.metric),
        edition=claim.row.edition,
        documented=or_dash(judgement.documented),
        measured=measured,
        delta=delta,
        delta_value=judgement.delta,
        interval=interval_text(claim.run.interval if claim.run else None),
        verdict=judgement.verdict,
        reason=clipped(judgement.reason),
        record=anchors.get(claim.run.path) if claim.run else None,
    )


def row_lines(gathered: Gathered, anchors: Anchors) -> list[RowLine]:
    """Return one line per row, and one more where a later edition was verified."""
    of_one = groupby(gathered.claims, key=lambda claim: (claim.row.name, claim.row.edition))
    return [_line(list(claims), gathered, anchors) for _, claims in of_one]


def _line(claims: list[Claim], gathered: Gathered, anchors: Anchors) -> RowLine:
    row = claims[0].row
    counted = complexity_of(row)
    speed = gathered.speeds.by_row.get(row.name) if row.edition == "readme" else None
    accuracies = [claim for claim in claims if METRICS[claim.metric].is_accuracy]
    # The first accuracy of a row, then the one that is told apart from it.
    cells = {bool(METRICS[c.metric].apart): claim_cells(c, anchors) for c in accuracies}
    return RowLine(
        row=row,
        anchor=anchor(row),
        backbone=row.text("backbone") or "",
        schedule=row.text("lr_schd") or "",
        cells=(cells.get(False), cells.get(True)),
        documented_fps=or_dash(row.documented("fps")),
        measured_fps=f"{speed.images_per_s:.2f}" if speed else "-",
        measured_fps_record=anchors.get(speed.path) if speed else None,
        parameters=f"{counted.parameters / 1e6:.1f}" if counted else "-",
    )
