"""Details of rows: histories of claims, records behind numbers, and figures of classes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.gathering import Claim, ClaimRun, Gathered
from hrnet_zoo.report.html.wording import clipped, moment, short_name
from hrnet_zoo.report.text import in_words
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.row import Row

SHOWN = 16
"""Runs of one claim that are shown, at most."""
BUDGET = 500_000
"""Characters of all records together; what lies beyond is told by its path only."""

_WIDTH, _HEIGHT, _MARGIN = 240.0, 40.0, 4.0
_LONGEST_RECORD = 12_000
_SHORT_LIST = re.compile(r"\[\s++([^\[\]{}]{1,80}?)\s+\]")

_SHADES = 10
Scores = dict[str, float | None]
"""Class -> percent, as measured."""
ClassCell = tuple[str, int | None]
"""Text, and shade from 0 (lowest of the table) to 9 (highest); None where there is no value."""
Facts = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class ClassesShown:
    """All classes of a data set, by row."""

    dataset: str
    title: str
    """What is shown: "IoU" or which AP."""
    columns: Sequence[tuple[str, str]]
    """Short name, and the whole one, of each row of the zoo."""
    lines: Sequence[tuple[str, Sequence[ClassCell]]]
    """Class and its cells, in the order of the labels."""


@dataclass(frozen=True, kw_only=True)
class Spark:
    """The differences of a claim's runs as a line in a box of 240 x 40."""

    points: str
    """Of a polyline."""
    zero: float
    """Where no difference is, in that box."""
    lowest: float
    highest: float


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """One record."""

    id: str
    """On the page."""
    record: AccuracyRecord | TimingRecord
    facts: Facts
    """What one wants to know first."""
    content: str
    """The record as JSON, long lists left out."""


def spark(runs: Sequence[ClaimRun]) -> Spark | None:
    """Return the differences of runs in their order; None of fewer than two measurements."""
    deltas = [delta for run in runs if (delta := run.judgement.delta) is not None]
    if len(deltas) < 2:
        return None
    low, high = min(0.0, *deltas), max(0.0, *deltas)
    span = (high - low) or 1.0
    step = (_WIDTH - 2 * _MARGIN) / (len(deltas) - 1)

    def height(delta: float) -> float:
        return round(_MARGIN + (high - delta) / span * (_HEIGHT - 2 * _MARGIN), 1)

    points = [f"{_MARGIN + i * step:.1f},{height(delta)}" for i, delta in enumerate(deltas)]
    return Spark(points=" ".join(points), zero=height(0.0), lowest=min(deltas), highest=max(deltas))


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


def shown_records(gathered: Gathered) -> dict[str, ShownRecord]:
    """Return the records behind the numbers of the page, by path, as they are shown on it."""
    behind: dict[str, AccuracyRecord | TimingRecord] = {
        claim.run.path: claim.record for claim in gathered.claims if claim.run and claim.record
    }
    behind |= {speed.path: speed.record for speed in gathered.speeds.values()}
    shown, left = {}, BUDGET
    for number, (path, record) in enumerate(behind.items(), 1):
        facts, content = _accuracy(record) if isinstance(record, AccuracyRecord) else _speed(record)
        text = json.dumps(content, indent=1, ensure_ascii=False)
        text = _SHORT_LIST.sub(lambda values: f"[{' '.join(values[1].split())}]", text)
        text = clipped(text, _LONGEST_RECORD)
        left -= len(text)
        shown[path] = ShownRecord(
            id=f"record-{number}",
            record=record,
            facts=[(what, clipped(said)) for what, said in facts],
            content=text if left > 0 else "(left out, to keep this page small)",
        )
    return shown


def facts_of(content: Mapping[str, object]) -> Facts:
    """Return what a machine is, for people."""
    return [(key, clipped(in_words(value))) for key, value in sorted(content.items())]


def links_of(row: Row) -> Facts:
    """Return the row's links; only addresses of the web, whatever else a manifest may say."""
    links = {"config": row.config_url, "checkpoint": row.checkpoint_url, "log": row.log_url}
    web = ("https://", "http://")
    return [(what, url) for what, url in links.items() if url and url.startswith(web)]


def _known_by(used: CheckpointUsed) -> str:
    """Return what the file had to agree with, in words."""
    return f"a lock, since {used.locked_on}" if used.locked_on else str(used.known_by)


def _accuracy(record: AccuracyRecord) -> tuple[Facts, dict[str, Any]]:
    """Return what one wants to know first of a record, and all of it but its classes."""
    checkpoint, data = record.checkpoint, record.dataset
    facts = [("status", record.status + (f": {record.reason}" if record.reason else ""))]
    facts.append(("started", moment(record.started_at)))
    if checkpoint:
        facts.append(("checkpoint", f"{checkpoint.file_name}, SHA-256 {checkpoint.sha256[:16]}..."))
        facts += [("known by", _known_by(checkpoint))] if checkpoint.known_by else []
        facts += [("weights", remark) for remark in checkpoint.remarks]
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
    if record.checkpoint:
        facts += [("weights", remark) for remark in record.checkpoint.remarks]
    content = record.model_dump(mode="json")
    for variant, timed in zip(content["variants"], record.variants, strict=True):
        if timed.seconds:
            took = f"median {1000 * timed.latency_s:.2f} ms of {len(timed.seconds)}"
            facts.append((timed.name, took))
        variant["seconds"] = _count(timed.seconds, "latencies")
        variant["warm_up_s"] = _count(timed.warm_up_s, "latencies")
    return facts, content


def _count(values: list[Any], what: str) -> list[Any] | str:
    return f"({len(values)} {what}, not repeated here)" if values else values


def class_tables(claims: Iterable[Claim]) -> list[ClassesShown]:
    """Return the tables of all measured claims; a second protocol (ms+flip) has none."""
    grouped: dict[tuple[str, str], dict[tuple[str, str], Scores]] = {}
    for claim in claims:
        scores = _scores(claim)
        if scores:
            later = ", later" if claim.row.edition == "later" else ""
            column = (short_name(claim.row) + later, claim.row.name)
            grouped.setdefault((claim.row.setup.dataset, claim.metric), {})[column] = scores
    return [_table(dataset, metric, group) for (dataset, metric), group in grouped.items()]


def _scores(claim: Claim) -> Scores:
    """Return the figure of every class that is shown for a claim; empty if there is none."""
    measurement = claim.record.measurement(claim.metric) if claim.record else None
    shown = METRICS[claim.metric].per_class
    if measurement is None or shown is None:
        return {}
    return {one.name: one.figures.get(shown[0]) for one in measurement.classes}


def _table(dataset: str, metric: str, columns: dict[tuple[str, str], Scores]) -> ClassesShown:
    names = dict.fromkeys(name for scores in columns.values() for name in scores)
    known = [v for scores in columns.values() for v in scores.values() if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return ClassesShown(
        dataset=dataset,
        title=(METRICS[metric].per_class or ("", ""))[1],
        columns=list(columns),
        lines=[
            (clipped(name, 60), [_cell(s.get(name), low, high) for s in columns.values()])
            for name in names
        ],
    )


def _cell(value: float | None, low: float, high: float) -> ClassCell:
    if value is None:
        return "-", None
    share = (value - low) / (high - low) if high > low else 1.0
    return f"{value:.1f}", min(_SHADES - 1, int(share * _SHADES))
