"""Rows in detail: the claims of each, their histories, and the records behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.gathering import Claim, ClaimRun, Gathered
from hrnet_zoo.report.html.table import Anchors, ClaimCells, claim_cells
from hrnet_zoo.report.html.wording import anchor, clipped, moment
from hrnet_zoo.report.judgements import measured_cells
from hrnet_zoo.report.rows import metric_title
from hrnet_zoo.timing.medians import median
from hrnet_zoo.verdicts.accuracy import Verdict
from hrnet_zoo.zoo.row import Row

SHOWN = 16
"""Runs of one claim that are shown, at most."""
BUDGET = 500_000
"""Characters of all records together; what lies beyond is told by its path only."""

_WIDTH, _HEIGHT, _MARGIN = 240.0, 40.0, 4.0
_LONGEST_RECORD = 12_000
_SHORT_LIST = re.compile(r"\[\s+([^\[\]{}]{1,80}?)\s+\]")
_LINKED = ("https://", "http://")

Facts = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One run as text."""

    started_at: str
    measured: str
    delta: str
    verdict: Verdict
    file: str
    """Of the record, in the row's folder."""
    counts: bool
    """Whether the verdict on the claim rests on this run."""


@dataclass(frozen=True, kw_only=True)
class History:
    """All runs of one claim, or as many as are shown."""

    title: str
    num_runs: int
    lines: tuple[HistoryLine, ...]
    """The latest first."""
    points: str
    """A polyline of the differences in a box of 240 x 40; empty below two measurements."""
    zero: float | None
    """Where no difference is, in that box."""
    lowest: str
    highest: str


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """One record."""

    anchor: str
    path: str
    """Below the folder of records."""
    row: str
    kind: str
    """"accuracy" or "speed"."""
    facts: Facts
    """What one wants to know first."""
    content: str
    """The record as JSON, long lists left out."""


@dataclass(frozen=True, kw_only=True)
class RowDetails:
    """Everything about one row."""

    row: Row
    anchor: str
    title: str
    links: Facts
    claims: list[ClaimCells]
    histories: list[History]
    records: list[ShownRecord]


def row_details(
    gathered: Gathered, records: Sequence[ShownRecord], anchors: Anchors
) -> list[RowDetails]:
    """Return everything about every row of the zoo."""
    claims: dict[str, list[Claim]] = {row.name: [] for row in gathered.zoo.rows}
    for claim in gathered.claims:
        claims[claim.row.name].append(claim)
    return [
        RowDetails(
            row=row,
            anchor=anchor(row),
            title=clipped(f"{row.table}: {row.method}, {row.text('backbone')}", 200),
            links=_links(row),
            claims=[claim_cells(claim, anchors) for claim in claims[row.name]],
            histories=[history_of(claim) for claim in claims[row.name] if claim.runs],
            records=[record for record in records if record.row == row.name],
        )
        for row in gathered.zoo.rows
    ]


def history_of(claim: Claim) -> History:
    """Return the runs of a claim for the page."""
    shown = thinned(claim.runs, claim.run)
    deltas = [run.delta for run in shown if run.delta is not None]
    points, zero = _polyline(deltas)
    return History(
        title=metric_title(claim.metric),
        num_runs=len(claim.runs),
        lines=tuple(_line(run, counts=run is claim.run) for run in reversed(shown)),
        points=points,
        zero=zero,
        lowest=f"{min(deltas):+.3f}" if deltas else "",
        highest=f"{max(deltas):+.3f}" if deltas else "",
    )


def thinned(runs: Sequence[ClaimRun], counting: ClaimRun | None) -> list[ClaimRun]:
    """Return at most `SHOWN` runs, oldest first.

    The first, the last and the one that counts stay, then the latest at which the verdict changed;
    the rest is spread evenly.
    """
    if len(runs) <= SHOWN:
        return list(runs)
    last = len(runs) - 1
    verdicts = [run.judgement.verdict for run in runs]
    kept = {0, last} | {i for i, run in enumerate(runs) if run is counting}
    changes = [i for i in range(1, last) if verdicts[i] is not verdicts[i - 1]]
    kept.update(changes[-SHOWN // 2 :])
    free = SHOWN - len(kept)
    kept.update(round((i + 1) * last / (free + 1)) for i in range(free))
    return [runs[i] for i in sorted(kept)]


def shown_records(gathered: Gathered) -> list[ShownRecord]:
    """Return the records behind the numbers of the page, as they are shown on it."""
    behind: dict[str, AccuracyRecord | TimingRecord] = {
        claim.run.path: claim.record for claim in gathered.claims if claim.run and claim.record
    }
    behind |= {speed.path: speed.record for speed in gathered.speeds.by_row.values()}
    shown, left = [], BUDGET
    for number, (path, record) in enumerate(behind.items(), 1):
        facts, content = _accuracy(record) if isinstance(record, AccuracyRecord) else _speed(record)
        text = json.dumps(content, indent=1, ensure_ascii=False)
        text = clipped(_SHORT_LIST.sub(_on_one_line, text), _LONGEST_RECORD)
        left -= len(text)
        shown.append(
            ShownRecord(
                anchor=f"record-{number}",
                path=path,
                row=record.row,
                kind="accuracy" if isinstance(record, AccuracyRecord) else "speed",
                facts=[(what, clipped(said)) for what, said in facts],
                content=text if left > 0 else "(left out, to keep this page small)",
            )
        )
    return shown


def _links(row: Row) -> Facts:
    """Return the row's links; only addresses of the web, whatever else a manifest may say."""
    links = {"config": row.config_url, "checkpoint": row.checkpoint_url, "log": row.log_url}
    return [(what, url) for what, url in links.items() if url and url.startswith(_LINKED)]


def _line(run: ClaimRun, *, counts: bool) -> HistoryLine:
    measured, delta = measured_cells(run.judgement)
    return HistoryLine(
        started_at=moment(run.started_at),
        measured=measured,
        delta=delta,
        verdict=run.judgement.verdict,
        file=run.path.rpartition("/")[2],
        counts=counts,
    )


def _polyline(deltas: Sequence[float]) -> tuple[str, float | None]:
    """Return "x,y x,y ..." for the differences in their order, and the height of 0."""
    if len(deltas) < 2:
        return "", None
    low, high = min(0.0, *deltas), max(0.0, *deltas)
    span = (high - low) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / (len(deltas) - 1)

    def height(delta: float) -> float:
        return round(_MARGIN + (high - delta) / span * (_HEIGHT - 2 * _MARGIN), 1)

    points = [f"{_MARGIN + i * step:.1f},{height(delta)}" for i, delta in enumerate(deltas)]
    return " ".join(points), height(0.0)


def _accuracy(record: AccuracyRecord) -> tuple[Facts, dict[str, Any]]:
    """Return what one wants to know first of a record, and all of it but its classes."""
    checkpoint, data = record.checkpoint, record.dataset
    facts = [("status", record.status + (f": {record.reason}" if record.reason else ""))]
    facts.append(("started", moment(record.started_at)))
    if checkpoint:
        facts.append(("checkpoint", f"{checkpoint.file_name}, SHA-256 {checkpoint.sha256[:16]}..."))
    if data:
        facts.append(("data", f"{data.name}, {data.num_images} images"))
    if record.settings:
        facts.append(("device", record.settings.device))
    if record.timings:
        facts.append(("took", f"{record.timings.wall_s:.1f} s"))
    content = record.model_dump(mode="json")
    for measurement in content["measurements"]:
        measurement["classes"] = _count(measurement["classes"], "classes")
    return facts, content


def _speed(record: TimingRecord) -> tuple[Facts, dict[str, Any]]:
    """Return what one wants to know first of a timing, and all of it but its latencies."""
    facts = [
        ("started", moment(record.started_at)),
        ("device", f"{record.device}, {record.num_threads} threads"),
        ("weights", record.weights),
    ]
    content = record.model_dump(mode="json")
    for variant, timed in zip(content["variants"], record.variants, strict=True):
        if timed.seconds:
            took = f"median {1000 * median(timed.seconds):.2f} ms of {len(timed.seconds)}"
            facts.append((timed.name, took))
        variant["seconds"] = _count(timed.seconds, "latencies")
        variant["warm_up_s"] = _count(timed.warm_up_s, "latencies")
    return facts, content


def _on_one_line(values: re.Match[str]) -> str:
    return f"[{' '.join(values[1].split())}]"


def _count(values: list[Any], what: str) -> list[Any] | str:
    return f"({len(values)} {what}, not repeated here)" if values else values
