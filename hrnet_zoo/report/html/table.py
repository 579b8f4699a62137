"""The lines of the table of all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from hrnet_zoo.report.html.gathering import Claim, Gathered
from hrnet_zoo.report.html.speeds import Speed
from hrnet_zoo.report.html.wording import anchor, clipped, interval_text
from hrnet_zoo.report.judgements import measured_cells
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.complexity import complexity_of


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

    name: str
    anchor: str
    dataset: str
    task: str
    edition: str
    method: str
    backbone: str
    schedule: str
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


def record_anchor(path: str, paths: Mapping[str, int]) -> str | None:
    """Return the id of a record on the page, or None if it is not there."""
    return f"record-{paths[path]}" if path in paths else None


def claim_cells(claim: Claim, paths: Mapping[str, int]) -> ClaimCells:
    """Return one claim as text.

    Args:
        claim: what is documented and was measured.
        paths: of the records on the page, with their numbers.
    """
    judgement = claim.judgement
    measured, delta = ("-", "-")
    if claim.run is not None and claim.run.measured is not None:
        measured, delta = measured_cells(judgement)
    return ClaimCells(
        title=METRICS[claim.metric].title,
        edition=claim.row.edition,
        documented="-" if judgement.documented is None else str(judgement.documented),
        measured=measured,
        delta=delta,
        delta_value=claim.run.delta if claim.run else None,
        interval=interval_text(claim.run.interval if claim.run else None),
        verdict=judgement.verdict,
        reason=clipped(judgement.reason),
        record=record_anchor(claim.run.path, paths) if claim.run else None,
    )


def row_lines(gathered: Gathered, paths: Mapping[str, int]) -> list[RowLine]:
    """Return one line per row, and one more where a later edition was verified."""
    of_one = groupby(gathered.claims, key=lambda claim: (claim.row.name, claim.row.edition))
    return [_line(list(claims), gathered.speeds.by_row, paths) for _, claims in of_one]


def _line(claims: list[Claim], speeds: Mapping[str, Speed], paths: Mapping[str, int]) -> RowLine:
    row = claims[0].row
    fps, counted = row.documented("fps"), complexity_of(row)
    speed = speeds.get(row.name) if row.edition == "readme" else None
    return RowLine(
        name=row.name,
        anchor=anchor(row),
        dataset=row.setup.dataset,
        task=row.task,
        edition=row.edition,
        method=row.method,
        backbone=row.text("backbone") or "",
        schedule=row.text("lr_schd") or "",
        cells=_two(claims, paths),
        documented_fps="-" if fps is None else str(fps),
        measured_fps=f"{speed.images_per_s:.2f}" if speed else "-",
        measured_fps_record=record_anchor(speed.path, paths) if speed else None,
        parameters=f"{counted.parameters / 1e6:.1f}" if counted else "-",
    )


def _two(
    claims: Iterable[Claim], paths: Mapping[str, int]
) -> tuple[ClaimCells | None, ClaimCells | None]:
    first: ClaimCells | None = None
    second: ClaimCells | None = None
    for claim in claims:
        metric = METRICS[claim.metric]
        if metric.is_accuracy and metric.apart:
            second = claim_cells(claim, paths)
        elif metric.is_accuracy:
            first = claim_cells(claim, paths)
    return first, second
