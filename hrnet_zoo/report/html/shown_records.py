"""The records behind the page's numbers, as they are shown on it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.gathering import Gathered
from hrnet_zoo.report.html.wording import clipped, day, moment
from hrnet_zoo.timing.medians import median

BUDGET = 500_000
"""Characters of all records together; what lies beyond is told by its path only."""

_LONGEST = 12_000
_SHORT_LIST = re.compile(r"\[\s+([^\[\]{}]{1,80}?)\s+\]")


@dataclass(frozen=True, kw_only=True)
class ShownRecord:
    """One record."""

    anchor: str
    path: str
    """Below the folder of records."""
    row: str
    kind: str
    """"accuracy" or "speed"."""
    facts: tuple[tuple[str, str], ...]
    """What one wants to know first."""
    content: str
    """The record as JSON, long lists left out."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A machine with its software, and what ran on it."""

    facts: tuple[tuple[str, str], ...]
    runs: int
    rows: int
    period: str


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Files of a data set that were evaluated together."""

    dataset: str
    fingerprint: str
    num_images: int
    runs: int
    rows: int
    period: str
    is_odd_one: bool
    """Whether as many images had another fingerprint in other runs."""


def paths_shown(gathered: Gathered) -> dict[str, int]:
    """Return the paths of all records behind a number of the page, numbered from 1."""
    behind = [claim.run.path for claim in gathered.claims if claim.run]
    behind += [speed.path for speed in gathered.speeds.by_row.values()]
    return {path: number for number, path in enumerate(dict.fromkeys(behind), 1)}


def shown_records(gathered: Gathered, paths: Mapping[str, int]) -> list[ShownRecord]:
    """Return the records that `paths_shown` numbered."""
    shown = {
        claim.run.path: _accuracy(claim.record, claim.run.path, paths)
        for claim in gathered.claims
        if claim.run and claim.record
    }
    for speed in gathered.speeds.by_row.values():
        shown[speed.path] = _speed(speed.record, speed.path, paths)
    return list(_within_budget(shown.values()))


def environments(gathered: Gathered) -> list[Environment]:
    """Return the machines, the last used first."""
    return [
        Environment(
            facts=tuple((key, clipped(_flat(value))) for key, value in sorted(content.items())),
            runs=group.count,
            rows=len(group.rows),
            period=f"{day(group.first)} to {day(group.last)}",
        )
        for content, group in gathered.environments
    ]


def fingerprints(gathered: Gathered) -> list[Fingerprint]:
    """Return what was evaluated, by data set, the most used first."""
    seen = sorted(gathered.fingerprints.items(), key=lambda item: (item[0][0], -item[1].count))
    same_size = [(name, num_images) for (name, _, num_images), _ in seen]
    return [
        Fingerprint(
            dataset=clipped(name, 100),
            fingerprint=clipped(fingerprint, 64),
            num_images=num_images,
            runs=group.count,
            rows=len(group.rows),
            period=f"{day(group.first)} to {day(group.last)}",
            is_odd_one=same_size.count((name, num_images)) > 1,
        )
        for (name, fingerprint, num_images), group in seen
    ]


def _within_budget(records: Iterable[ShownRecord]) -> Iterator[ShownRecord]:
    left = BUDGET
    for record in records:
        left -= len(record.content)
        yield record if left > 0 else replace(record, content="(left out, to keep this page small)")


def _accuracy(record: AccuracyRecord, path: str, paths: Mapping[str, int]) -> ShownRecord:
    checkpoint, data, settings = record.checkpoint, record.dataset, record.settings
    facts = [("status", record.status + (f": {record.reason}" if record.reason else ""))]
    facts.append(("started", moment(record.started_at)))
    if checkpoint:
        facts.append(("checkpoint", f"{checkpoint.file_name}, SHA-256 {checkpoint.sha256[:16]}..."))
    if data:
        facts.append(("data", f"{data.name}, {data.num_images} images"))
    if settings:
        facts.append(("device", settings.device))
    if record.timings:
        facts.append(("took", f"{record.timings.wall_s:.1f} s"))
    content = record.model_dump(mode="json")
    for measurement in content["measurements"]:
        measurement["classes"] = _count(measurement["classes"], "classes")
    return _shown("accuracy", record.row, facts, content, path, paths)


def _speed(record: TimingRecord, path: str, paths: Mapping[str, int]) -> ShownRecord:
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
    return _shown("speed", record.row, facts, content, path, paths)


def _shown(
    kind: str,
    row: str,
    facts: list[tuple[str, str]],
    content: dict[str, Any],
    path: str,
    paths: Mapping[str, int],
) -> ShownRecord:
    text = _SHORT_LIST.sub(_on_one_line, json.dumps(content, indent=1, ensure_ascii=False))
    return ShownRecord(
        anchor=f"record-{paths[path]}",
        path=path,
        row=row,
        kind=kind,
        facts=tuple((what, clipped(said)) for what, said in facts),
        content=clipped(text, _LONGEST),
    )


def _on_one_line(values: re.Match[str]) -> str:
    return f"[{' '.join(values[1].split())}]"


def _count(values: list[Any], what: str) -> list[Any] | str:
    return f"({len(values)} {what}, not repeated here)" if values else values


def _flat(value: object) -> str:
    """Return a JSON value on one line, for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "-" if value is None else str(value)
