"""What the records say about every documented accuracy, gathered in one pass over the files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hrnet_zoo.errors import UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import without_collector
from hrnet_zoo.records.selection import Counting
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.html.record_files import Problem, read_all
from hrnet_zoo.report.html.speeds import Speeds, gather_speeds
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.scored import Interval
from hrnet_zoo.verdicts.accuracy import (
    DEFAULT_NOISE,
    MISMATCHES,
    Judgement,
    Verdict,
    judge,
    tolerance_for,
)
from hrnet_zoo.zoo.row import EditionName, Row
from hrnet_zoo.zoo.zoo import Zoo

ACCURACY_METRICS = tuple(name for name, metric in METRICS.items() if metric.protocol is not None)
"""What records of accuracy measure."""

_STANDING = {Verdict.MATCH: 2, **dict.fromkeys(MISMATCHES, 2), Verdict.INCONCLUSIVE: 1}
"""Which run counts before a later one: a comparable one, then one that says something."""


@dataclass(frozen=True, kw_only=True)
class ClaimRun:
    """What one record says about one documented accuracy."""

    path: str
    """Of the record, below the folder of records."""
    started_at: datetime
    judgement: Judgement
    interval: Interval | None
    """Of the measured value."""
    device: str | None
    """What it ran on, as far as the record says."""

    @property
    def measured(self) -> float | None:
        """Return the measured value, if there is one."""
        return self.judgement.measured

    @property
    def delta(self) -> float | None:
        """Return measured - documented in points, if there are both."""
        return self.judgement.delta


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One accuracy of a row, as one edition documents it, and all its runs."""

    row: Row
    metric: str
    judgement: Judgement
    """On the run that counts; without any run, that there is none."""
    run: ClaimRun | None
    """The run that counts: the latest full and comparable one, or else the latest."""
    record: AccuracyRecord | None
    """Of that run."""
    runs: tuple[ClaimRun, ...]
    """All of them, oldest first."""


@dataclass
class Group:
    """Records that agree in something."""

    count: int = 0
    rows: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, row: str, started_at: datetime) -> None:
        """Count one more record."""
        self.count += 1
        self.rows.add(row)
        self.first = min(self.first or started_at, started_at)
        self.last = max(self.last or started_at, started_at)


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """All that a folder of records says about a zoo."""

    zoo: Zoo
    folder: Path
    claims: list[Claim]
    """In the order of the manifest; those of later editions only where there are records."""
    speeds: Speeds
    environments: list[tuple[dict[str, Any], Group]]
    """What runs of accuracy ran on, the last used first."""
    fingerprints: dict[tuple[str, str, int], Group]
    """(data set, fingerprint, number of images) -> the runs that saw just these files."""
    num_records: int
    problems: list[Problem]


def gather(zoo: Zoo, folder: Path, noise: Decimal = DEFAULT_NOISE) -> Gathered:
    """Read all records below ``folder``; files that say nothing are among the problems.

    Args:
        zoo: the documented rows.
        folder: what verify and time wrote to; it need not exist.
        noise: allowance in points on top of a printed number's rounding.
    """
    pile = _Pile(zoo, noise)
    timings: list[tuple[str, TimingRecord]] = []
    with without_collector():
        for path, content in read_all(folder):
            if isinstance(content, AccuracyRecord | Problem):
                pile.add(path, content)
            elif isinstance(content, TimingRecord):
                timings.append((path, content))
    speeds = gather_speeds((row.name for row in zoo.rows), timings)
    environments = [(json.loads(text), group) for text, group in pile.environments.items()]
    return Gathered(
        zoo=zoo,
        folder=folder,
        claims=list(pile.claims()),
        speeds=speeds,
        environments=sorted(environments, key=lambda pair: str(pair[1].last), reverse=True),
        fingerprints=pile.fingerprints,
        num_records=pile.num_records,
        problems=pile.problems + speeds.problems,
    )


class _Pile:
    """Runs by what they measured, while records are read; only records that count are kept."""

    def __init__(self, zoo: Zoo, noise: Decimal) -> None:
        self._zoo = zoo
        self._noise = noise
        self._editions = {(row.name, row.edition): row for row in zoo.rows}
        self._runs: dict[tuple[str, EditionName, str], list[ClaimRun]] = {}
        self._counting = Counting[tuple[str, EditionName, str], tuple[ClaimRun, AccuracyRecord]]()
        self.environments: dict[str, Group] = {}
        self.fingerprints: dict[tuple[str, str, int], Group] = {}
        self.problems: list[Problem] = []
        self.num_records = 0

    def add(self, path: str, content: AccuracyRecord | Problem) -> None:
        if isinstance(content, Problem):
            self.problems.append(content)
            return
        try:
            row = self._row_of(content)
        except UsageError as error:
            self.problems.append(Problem(path=path, reason=str(error)))
            return
        self.num_records += 1
        self._add_facts(content)
        for metric in ACCURACY_METRICS:
            if metric in content.metrics:
                self._add_run(path, content, row, metric)

    def _row_of(self, record: AccuracyRecord) -> Row:
        key = (record.row, record.edition)
        if key not in self._editions:
            self._editions[key] = self._zoo.row(record.row, record.edition)
        return self._editions[key]

    def _add_run(self, path: str, record: AccuracyRecord, row: Row, metric: str) -> None:
        measurement = record.measurement(metric)
        run = ClaimRun(
            path=path,
            started_at=record.started_at,
            judgement=judge(row, record, metric, self._noise),
            interval=measurement.interval if measurement else None,
            device=record.settings.device if record.settings else None,
        )
        key = (row.name, row.edition, metric)
        self._runs.setdefault(key, []).append(run)
        weight = _STANDING.get(run.judgement.verdict, 0)
        self._counting.add(key, (run, record), run.started_at, weight)

    def _add_facts(self, record: AccuracyRecord) -> None:
        if record.environment != Environment():
            # What an old record does not say is not set; it stays out of the table of machines.
            said = record.environment.model_dump(exclude_unset=True)
            text = json.dumps(said, sort_keys=True)
            group = self.environments.setdefault(text, Group())
            group.add(record.row, record.started_at)
        if record.dataset is not None:
            data = record.dataset
            seen = (data.name, data.fingerprint, data.num_images)
            self.fingerprints.setdefault(seen, Group()).add(record.row, record.started_at)

    def claims(self) -> Iterator[Claim]:
        for row in self._zoo.rows:
            yield from (self._claim(row, metric) for metric in metrics_of(self._zoo, row))
            for metric in ACCURACY_METRICS:
                if (row.name, "later", metric) in self._runs:
                    yield self._claim(row.in_edition("later"), metric)

    def _claim(self, row: Row, metric: str) -> Claim:
        key = (row.name, row.edition, metric)
        run, record = self._counting.runs.get(key, (None, None))
        runs = sorted(self._runs.get(key, ()), key=lambda run: run.started_at)
        return Claim(
            row=row,
            metric=metric,
            judgement=run.judgement if run else _never_run(row, metric, self._noise),
            run=run,
            record=record,
            runs=tuple(runs),
        )


def metrics_of(zoo: Zoo, row: Row) -> list[str]:
    """Return the accuracies that a row's table has columns for."""
    columns = zoo.table_of(row).columns.values()
    return [metric for metric in ACCURACY_METRICS if metric in columns]


def _never_run(row: Row, metric: str, noise: Decimal) -> Judgement:
    documented = row.documented(metric)
    verdict = Verdict.NOT_DOCUMENTED if documented is None else Verdict.NOT_RUN
    reason = "the table prints no value" if documented is None else "there is no record of it"
    return Judgement(
        row=row.name,
        metric=metric,
        documented=documented,
        measured=None,
        delta=None,
        tolerance=None if documented is None else tolerance_for(documented, noise),
        verdict=verdict,
        reason=reason,
    )


def verdict_counts(claims: Iterable[Claim]) -> dict[Verdict, int]:
    """Return how many claims have each verdict, in the order of the verdicts; none is left out."""
    counts = Counter(claim.judgement.verdict for claim in claims)
    return {verdict: counts[verdict] for verdict in Verdict}
