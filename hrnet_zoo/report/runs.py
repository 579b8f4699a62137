"""Runs as a list, and a single run in full, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC
from pathlib import Path

from pydantic import BaseModel
from rich.filesize import decimal

from hrnet_zoo.errors import UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord, Measurement
from hrnet_zoo.records.base import Kind
from hrnet_zoo.records.files import AnyRecord
from hrnet_zoo.records.prune import Doomed
from hrnet_zoo.records.runs import Run
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.report.judgements import RowResult, as_json, as_text, judge_outcome
from hrnet_zoo.report.memory import RowMemory, memory_as_text
from hrnet_zoo.report.text import aligned, in_words, metric_title, section, to_json
from hrnet_zoo.report.timings import timing_as_text
from hrnet_zoo.system import foreign
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.zoo.zoo import Zoo

_COMMANDS: dict[Kind, str] = {"accuracy": "verify", "timing": "time", "memory": "memory"}
"""What makes records of a kind."""


def runs_as_text(runs: Sequence[Run]) -> str:
    """Return the runs as a table with a count below."""
    cells = [
        [
            f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            _COMMANDS[run.kind] + ", later" * (run.edition == "later"),
            run.status.replace("_", " "),
            _values(run),
            run.device or "",
            run.file,
        ]
        for run in runs
    ]
    titles = ["started (UTC)", "command", "status", "values", "device", "file"]
    table = aligned(titles, cells, "l" * len(titles))
    count = _runs(len(runs))
    return f"{table}\n\n{count}" if runs else count


def runs_as_json(runs: Iterable[Run]) -> str:
    """Return the runs as a JSON array."""
    # Programs know a kind by the command that makes such records.
    return to_json([run.model_dump(mode="json") | {"kind": _COMMANDS[run.kind]} for run in runs])


def doomed_as_text(doomed: Sequence[Doomed]) -> str:
    """Return one line for each run that goes, with its size."""
    cells = [
        [one.run.file, one.run.status.replace("_", " "), _values(one.run), decimal(one.size_bytes)]
        for one in doomed
    ]
    return aligned((), cells, "llll", form="plain")


def freed_as_text(count: int, size_bytes: int) -> str:
    """Return how many runs, and how many bytes, were deleted."""
    return f"{_runs(count)}, {decimal(size_bytes)}"


def record_as_text(zoo: Zoo, record: AnyRecord, path: Path) -> str:
    """Return all that one run observed, with the verdicts on it."""
    if isinstance(record, TimingRecord):
        return timing_as_text(record, path)
    if isinstance(record, AccuracyRecord):
        return _accuracy_as_text(zoo, record, path)
    try:
        row = zoo.row(record.row, record.edition)
    except UsageError as error:
        said = [("no verdict", str(error)), *_pairs(record)]
        return "\n".join(foreign.on_one_line(f"{what}: {value}") for what, value in said)
    return memory_as_text([RowMemory(row=row, record=record, path=path)])


def record_as_json(zoo: Zoo, record: AnyRecord, path: Path) -> str:
    """Return a record as JSON; one of accuracy with its file and the verdicts on it.

    Verdicts are null for rows that the manifest does not know.
    """
    content = record.model_dump(mode="json")
    if isinstance(record, AccuracyRecord):
        judged, why_not = _judged(zoo, record, path)
        content = {
            "file": str(path),
            "record": content,
            "verdicts": json.loads(as_json([judged]))[0]["metrics"] if judged else None,
            "no_verdicts_because": why_not or None,
        }
    return to_json(content)


def _without_verdict(row: str, why: str) -> str:
    return f"{foreign.on_one_line(row)}\n  no verdict: {foreign.on_one_line(why)}"


def _accuracy_as_text(zoo: Zoo, record: AccuracyRecord, path: Path) -> str:
    judged, why_not = _judged(zoo, record, path)
    values = [(metric_title(m.metric), _number(m.value, 3)) for m in record.measurements]
    parts = [as_text(judged) if judged else _without_verdict(record.row, why_not)]
    sections = [
        ("run", _run(record)),
        ("values", [] if judged else values),
        ("not run", [(metric_title(m), why) for m, why in record.not_run.items()]),
        ("checkpoint", _pairs(record.checkpoint)),
        ("data", _pairs(record.dataset)),
        *[(f"protocol of {metric_title(m.metric)}", _protocol(m)) for m in record.measurements],
        ("settings", _pairs(record.settings)),
        *_segments(record),
        ("seconds", _pairs(record.timings)),
        ("environment", _pairs(record.environment)),
    ]
    parts += [section(heading, pairs) for heading, pairs in sections if pairs]
    return "\n\n".join(parts)


def _judged(zoo: Zoo, record: AccuracyRecord, path: Path) -> tuple[RowResult | None, str]:
    """Return the verdicts on all numbers a run was to measure, or why there are none."""
    try:
        row = zoo.row(record.row, record.edition)
    except UsageError as error:
        return None, str(error)
    metrics = [metric for metric in METRICS if metric in record.metrics]
    return judge_outcome(row, record, path, metrics), ""


def _run(record: AccuracyRecord) -> list[tuple[str, str]]:
    finished, taken_over = record.finished_at, record.num_images_taken_over
    asked = [f"{name} {value}" for name, value in _pairs(record.asked) if value != "no"]
    pairs = [
        ("status", record.status.replace("_", " ")),
        ("edition", record.edition),
        ("started", f"{record.started_at:%Y-%m-%d %H:%M:%S %Z}"),
        ("finished", f"{finished:%Y-%m-%d %H:%M:%S %Z}" if finished else ""),
        ("reason", record.reason or ""),
        ("asked for", "; ".join(asked) or "nothing in particular"),
        ("taken over", f"{taken_over} images of an earlier run" if taken_over else ""),
        ("per image", record.images_file or ""),
    ]
    return [(what, value) for what, value in pairs if value]


def _segments(record: AccuracyRecord) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the parts of a run that was interrupted; one that was not is told by the rest."""
    for number, segment in enumerate(record.segments if len(record.segments) > 1 else (), 1):
        parts = {"settings": segment.settings, "environment": segment.environment}
        told = [(what, in_words(part.model_dump(mode="json"))) for what, part in parts.items()]
        seconds = segment.timings.model_dump(mode="json") if segment.timings else "not known"
        yield (
            f"part {number}, {segment.record}",
            [
                ("images", str(segment.num_images)),
                ("started", f"{segment.started_at:%Y-%m-%d %H:%M:%S %Z}"),
                *told,
                ("seconds", in_words(seconds)),
            ],
        )


def _protocol(measurement: Measurement) -> list[tuple[str, str]]:
    pairs = _pairs(measurement.protocol)
    if interval := measurement.interval:
        span = f"{interval.low:.3f} to {interval.high:.3f} ({interval.describe()})"
        pairs.append((f"{interval.level:.0%} interval", span))
    return pairs


def _pairs(part: BaseModel | None) -> list[tuple[str, str]]:
    content = {} if part is None else part.model_dump(mode="json")
    return [
        (name, in_words(value))
        for name, value in content.items()
        if value not in (None, [], {}, "")
    ]


def _values(run: Run) -> str:
    unit = {"accuracy": "", "timing": " ms", "memory": " GiB"}[run.kind]
    said = (f"{metric_title(name)} {_number(value, 2)}{unit}" for name, value in run.values.items())
    return ", ".join(said)


def _number(value: float | None, decimals: int) -> str:
    return "0/0" if value is None else f"{value:.{decimals}f}"


def _runs(count: int) -> str:
    return f"{count} run" if count == 1 else f"{count} runs"
