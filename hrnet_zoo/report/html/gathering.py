"""What the records say about every documented number, gathered in one pass over the files."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import AnyRecord
from hrnet_zoo.records.folder import Unusable, read_files, run_files, without_collector
from hrnet_zoo.records.selection import Counting
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.scored import Interval
from hrnet_zoo.verdicts.accuracy import (
    MISMATCHES,
    Judgement,
    Verdict,
    judge,
)
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.fps.times import MachineTimes, latest_times, machine_of, why_unusable
from hrnet_zoo.verdicts.tolerance import tolerance_for
from hrnet_zoo.zoo.row import EditionName, Row
from hrnet_zoo.zoo.zoo import Zoo

ACCURACY_METRICS = tuple(name for name, metric in METRICS.items() if metric.protocol is not None)
"""What records of accuracy measure."""

_STANDING = {Verdict.MATCH: 2, **dict.fromkeys(MISMATCHES, 2), Verdict.INCONCLUSIVE: 1}
"""Which run counts before a later one: a comparable one, then one that says something."""

_Number = tuple[str, EditionName, str]


@dataclass(frozen=True, kw_only=True)
class UnusableFile:
    """A file that says nothing about the zoo, and why."""

    path: str
    """Below the folder of records."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class ClaimRun:
    """What one record says about one documented number."""

    path: str
    """Of the record, below the folder of records."""
    started_at: datetime
    judgement: Judgement
    interval: Interval | None
    """Of the measured value."""
    device: str | None
    """What it ran on, as far as the record says."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One number of a row, as one edition documents it, and all its runs."""

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


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast a row was here, in the way its README was measured."""

    images_per_s: float
    path: str
    """Of the timing, below the folder of records."""
    record: TimingRecord


@dataclass
class Group:
    """Records that agree in something."""

    count: int = 0
    rows: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, record: AccuracyRecord) -> None:
        """Count one more record."""
        self.count += 1
        self.rows.add(record.row)
        self.first = min(self.first or record.started_at, record.started_at)
        self.last = max(self.last or record.started_at, record.started_at)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Files of a data set that were evaluated together."""

    dataset: str
    fingerprint: str
    num_images: int
    runs: Group
    is_odd_one: bool
    """Whether as many images had another fingerprint in other runs."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """All that a folder of records says about a zoo."""

    zoo: Zoo
    folder: Path
    claims: list[Claim]
    """In the order of the manifest; those of later editions only where there are records."""
    times: MachineTimes
    """What the timings say, of the machine used last."""
    speeds: dict[str, Speed]
    """By row, of that machine."""
    environments: list[tuple[dict[str, Any], Group]]
    """What runs of accuracy ran on, the last used first."""
    fingerprints: list[Fingerprint]
    """By data set, those of most runs first."""
    num_records: int
    problems: list[UnusableFile]


def gather(zoo: Zoo, folder: Path) -> Gathered:
    """Read all records below ``folder``; files that say nothing are among the problems.

    Args:
        zoo: the documented rows.
        folder: what verify and time wrote to; it need not exist.
    """
    pile = _Pile(zoo, folder)
    timings: list[tuple[str, TimingRecord]] = []
    with without_collector():
        for path, content in read_all(folder):
            if isinstance(content, UnusableFile):
                pile.problems.append(content)
            elif isinstance(content, AccuracyRecord):
                pile.add(path, content)
            elif isinstance(content, TimingRecord) and pile.is_usable(path, content):
                timings.append((path, content))
    timings.sort(key=lambda timing: timing[1].started_at)
    times = latest_times(record for _, record in timings)
    seconds = {time.name: time.seconds_per_image for time in times.times}
    return Gathered(
        zoo=zoo,
        folder=folder,
        claims=list(pile.claims()),
        times=times,
        speeds={
            record.row: Speed(images_per_s=1 / seconds[record.row], path=path, record=record)
            for path, record in timings
            if why_unusable(record) is None and machine_of(record) == times.machine
        },
        environments=sorted(
            ((json.loads(text), group) for text, group in pile.environments.items()),
            key=lambda pair: str(pair[1].last),
            reverse=True,
        ),
        fingerprints=_fingerprints(pile.seen),
        num_records=pile.num_records,
        problems=pile.problems,
    )


def read_all(folder: Path) -> Iterator[tuple[str, AnyRecord | UnusableFile]]:
    """Yield path (below ``folder``) and content of all records, by path."""
    for found in read_files(file for file in run_files(folder) if not file.is_empty):
        if isinstance(found, Unusable):
            name = found.file.path.relative_to(folder).as_posix()
            # Pages are passed on: they hold no folders of this machine.
            yield name, UnusableFile(path=name, reason=found.reason.replace(f"{folder}/", ""))
        else:
            yield found.path.relative_to(folder).as_posix(), found.record


class _Pile:
    """Runs by what they measured, while records are read; only records that count are kept."""

    def __init__(self, zoo: Zoo, folder: Path) -> None:
        self._zoo, self._folder = zoo, folder
        self._row = cache(zoo.row)
        self._runs = defaultdict[_Number, list[ClaimRun]](list)
        self._counting = Counting[_Number, tuple[ClaimRun, AccuracyRecord]]()
        self.environments = defaultdict[str, Group](Group)
        self.seen = defaultdict[tuple[str, str, int], Group](Group)
        self.problems: list[UnusableFile] = []
        self.num_records = 0

    def add(self, path: str, record: AccuracyRecord) -> None:
        try:
            row = self._row(record.row, record.edition)
        except UsageError as error:
            self.problems.append(UnusableFile(path=path, reason=str(error)))
            return
        self.num_records += 1
        if record.environment != Environment():
            # What an old record does not say is not set; it stays out of the table of machines.
            said = record.environment.model_dump(exclude_unset=True)
            self.environments[json.dumps(said, sort_keys=True)].add(record)
        if data := record.dataset:
            self.seen[data.name, data.fingerprint, data.num_images].add(record)
        asked, evidence = record.metrics, None
        for metric in (metric for metric in ACCURACY_METRICS if metric in asked):
            measurement, judgement = record.measurement(metric), judge(row, record, metric)
            if judgement.verdict in _STANDING:  # otherwise it says nothing that could be wrong
                evidence = evidence or evidence_of(row, record, self._folder / path)
                judgement = judge(row, record, metric, evidence=evidence)
            run = ClaimRun(
                path=path,
                started_at=record.started_at,
                judgement=judgement,
                interval=measurement.interval if measurement else None,
                device=record.settings.device if record.settings else None,
            )
            number = (row.name, row.edition, metric)
            self._runs[number].append(run)
            weight = _STANDING.get(run.judgement.verdict, 0)
            self._counting.add(number, (run, record), run.started_at, weight)

    def is_usable(self, path: str, timing: TimingRecord) -> bool:
        """Whether a timing says something about the zoo; otherwise it is a problem."""
        names = [row.name for row in self._zoo.rows]
        if not all(1e-6 <= seconds <= 1e6 for v in timing.variants for seconds in v.seconds):
            reason = "It holds latencies that are not times."
        elif timing.row not in names:
            reason = f'No row is called "{timing.row}".{did_you_mean(timing.row, names)}'
        else:
            return True
        self.problems.append(UnusableFile(path=path, reason=reason))
        return False

    def claims(self) -> Iterator[Claim]:
        for row in self._zoo.rows:
            columns = self._zoo.table_of(row).columns.values()
            yield from (
                self._claim(row, metric) for metric in ACCURACY_METRICS if metric in columns
            )
            for metric in ACCURACY_METRICS:
                if (row.name, "later", metric) in self._runs:
                    yield self._claim(row.in_edition("later"), metric)

    def _claim(self, row: Row, metric: str) -> Claim:
        number = (row.name, row.edition, metric)
        run, record = self._counting.runs.get(number, (None, None))
        return Claim(
            row=row,
            metric=metric,
            judgement=run.judgement if run else _never_run(row, metric),
            run=run,
            record=record,
            runs=tuple(sorted(self._runs.get(number, ()), key=lambda run: run.started_at)),
        )


def _never_run(row: Row, metric: str) -> Judgement:
    documented = row.documented(metric)
    verdict = Verdict.NOT_DOCUMENTED if documented is None else Verdict.NOT_RUN
    return Judgement(
        row=row.name,
        metric=metric,
        documented=documented,
        measured=None,
        delta=None,
        tolerance=None if documented is None else tolerance_for(documented, metric),
        verdict=verdict,
        reason="the table prints no value" if documented is None else "there is no record of it",
    )


def _fingerprints(seen: Mapping[tuple[str, str, int], Group]) -> list[Fingerprint]:
    same_size = Counter((name, num_images) for name, _, num_images in seen)
    return [
        Fingerprint(
            dataset=name,
            fingerprint=fingerprint,
            num_images=num_images,
            runs=runs,
            is_odd_one=same_size[name, num_images] > 1,
        )
        for (name, fingerprint, num_images), runs in sorted(
            seen.items(), key=lambda item: (item[0][0], -item[1].count)
        )
    ]


def verdict_counts(claims: Iterable[Claim]) -> dict[Verdict, int]:
    """Return how many claims have each verdict, in the order of the verdicts; none is left out."""
    counts = Counter(claim.judgement.verdict for claim in claims)
    return {verdict: counts[verdict] for verdict in Verdict}
