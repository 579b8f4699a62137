"""The outcome of a verification as text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.report.self_tests import none_for
from hrnet_zoo.report.text import aligned, metric_title, or_dash, to_json
from hrnet_zoo.system import foreign
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.verdicts.accuracy import (
    MISMATCHES,
    Judgement,
    Verdict,
    judge,
)
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.unchanged import Since, since
from hrnet_zoo.zoo.printed import decimals_of
from hrnet_zoo.zoo.row import EditionName, Row

_NAMED = 3
"""Images that are named at most."""


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """The verdicts on one row, and the record they rest on."""

    row: Row
    record: AccuracyRecord
    record_path: Path
    judgements: list[Judgement]


def judge_outcome(
    row: Row,
    record: AccuracyRecord,
    record_path: Path,
    metrics: Sequence[str],
    noise: Decimal | None = None,
) -> RowResult:
    """Return the verdicts on all asked-for numbers of a run."""
    evidence = evidence_of(row, record, record_path)
    judgements = [judge(row, record, metric, noise, evidence) for metric in metrics]
    return RowResult(row=row, record=record, record_path=record_path, judgements=judgements)


def as_json(results: Iterable[RowResult]) -> str:
    """Return an array with one object per row; numbers as numbers, absent ones as null."""
    content = [
        {
            "name": result.row.name,
            "edition": result.row.edition,
            "checkpoint_editions": _checkpoint_editions(result),
            "checkpoint_remarks": used.remarks if (used := result.record.checkpoint) else [],
            "status": result.record.status,
            "record": str(result.record_path),
            "remarks": [*result.record.remarks, *result.record.remarks_since],
            "num_images": result.record.dataset.num_images if result.record.dataset else None,
            "unchanged": _since_as_dict(result.record),
            "metrics": {j.metric: _judgement_as_dict(j) for j in result.judgements},
        }
        for result in results
    ]
    return to_json(content)


def as_text(result: RowResult, *, verbose: bool = False) -> str:
    """Return the verdicts on one row as a small table with the reasons below.

    Args:
        result: of a run.
        verbose: whether to say what each tolerance consists of.
    """
    cells = [
        [metric_title(j.metric), or_dash(j.documented), *measured_cells(j), _styled(j.verdict)]
        for j in result.judgements
    ]
    titles = ["", "documented", "measured", "delta", "verdict"]
    table = aligned(titles, cells, "lrrrl")
    lines = [click.style(result.row.name, bold=True) + _edition(result.row), *table.splitlines()]
    lines += [f"{metric_title(j.metric)}: {j.reason}" for j in result.judgements if j.reason]
    limits = [(metric_title(j.metric), _limit(j)) for j in result.judgements]
    lines += [f"{title}: {limit}" for title, limit in limits if limit]
    lines += [line for j in result.judgements if verbose for line in _tolerance(j)]
    lines += [
        line
        for judgement in result.judgements
        for line in _beside(METRICS[judgement.metric], result.record)
    ]
    lines += [f"checkpoint: {text}" for text in _checkpoint(result)]
    lines += [f"note: {remark}" for remark in result.record.remarks]
    lines += [f"note: {remark}" for remark in result.record.remarks_since]
    lines += [f"note: {none_for(result.row)}"] if result.record.self_test == [] else []
    lines += _time_line(result.record)
    lines += _since_line(result.record)
    lines.append(f"record: {result.record_path}")
    return "\n  ".join(map(foreign.on_one_line, lines))


def _since_line(record: AccuracyRecord) -> Iterator[str]:
    """Say whether all images are as an earlier record has them."""
    found = record.unchanged
    if found is None:
        return
    answer, num, names = since(record), found.num_images, and_more(found.different, _NAMED)
    if answer is Since.UNCHANGED:
        yield f"unchanged since {found.record} ({num} images, identical in all)"
    elif answer is Since.NOT_COMPARABLE:
        yield (
            f"not comparable with {found.record}: {found.num_other_files} of {num} images or "
            f"labels are other files than then ({names})"
        )
    else:
        yield f"changed since {found.record}: {found.num_different} of {num} images ({names})"
    for each in found.differences:
        said = or_dash(each.difference, "+.4f")
        if each.interval is not None:
            said += f", 95% interval {each.interval.low:+.4f} to {each.interval.high:+.4f}"
        yield f"{METRICS[each.metric].title}: now - then {said}"


def _time_line(record: AccuracyRecord) -> Iterator[str]:
    """Say how long the evaluation took and what it spent most of that on."""
    timings = record.timings
    if timings is None or timings.bottleneck is None or timings.waiting_s is None:
        return
    if not timings.wall_s:
        return  # an edited record says so; that it contradicts itself is said elsewhere
    idle = timings.waiting_s / timings.wall_s / max(1, len(record.images_by_device))
    yield (
        f"time: {timings.wall_s:.1f} s, most of it: {timings.bottleneck}; "
        f"{idle:.0%} waiting for images"
    )


def _beside(metric: Metric, record: AccuracyRecord) -> Iterator[str]:
    """Yield what else the pass tells, and how it was scored where that is not the usual way."""
    measurement = record.measurement(metric.name)
    if measurement is None:
        return
    if metric.beside:
        figures = measurement.figures
        said = [
            f"{title} {or_dash(figures.get(name), '.1f')}" for name, title in metric.beside.items()
        ]
        yield f"{metric.title}: {', '.join(said)}"
    if measurement.convention is not None:
        yield f"{metric.title}: {measurement.convention}"
    scoring = measurement.scoring
    if scoring is not None and scoring.backend != "pycocotools":
        yield (
            f"{metric.title}: scored with {scoring.backend} {scoring.version}, which "
            f"agreed with pycocotools on {scoring.parity_num_images} of these images"
        )


def measured_cells(judgement: Judgement) -> tuple[str, str]:
    """Return measured value and difference, one decimal finer than the documented value."""
    decimals = 1 + (2 if judgement.documented is None else decimals_of(judgement.documented))
    return or_dash(judgement.measured, f".{decimals}f"), or_dash(judgement.delta, f"+.{decimals}f")


def _edition(row: Row) -> str:
    """Return which edition was verified, where it is not the README's."""
    return f" (edition later, {row.later.source})" if row.edition == "later" and row.later else ""


def _checkpoint_editions(result: RowResult) -> list[EditionName]:
    """Return the editions that promise the very file that was evaluated."""
    checkpoint = result.record.checkpoint
    return [] if checkpoint is None else list(result.row.editions_of(checkpoint.sha256))


def _checkpoint(result: RowResult) -> Iterator[str]:
    """Yield how the weights were stored, and whose they are where a row has two editions."""
    used = result.record.checkpoint
    if used is None:
        return
    yield from (f"{used.file_name}: {remark}" for remark in used.remarks)
    if result.row.later is None:
        return
    editions = _checkpoint_editions(result)
    whose = "neither edition" if not editions else f'the "{editions[0]}" edition'
    whose = "both editions" if len(editions) > 1 else whose
    yield f"{used.file_name}, the file of {whose}"


def _since_as_dict(record: AccuracyRecord) -> dict[str, object] | None:
    found = record.unchanged
    return None if found is None else {"answer": since(record), **found.model_dump(mode="json")}


def _judgement_as_dict(judgement: Judgement) -> dict[str, object]:
    documented, tolerance = judgement.documented, judgement.tolerance
    return {
        "documented": documented,
        "documented_printed": None if documented is None else str(documented),
        "measured": judgement.measured,
        "delta": judgement.delta,
        "tolerance": tolerance and tolerance.limit,
        "tolerance_parts": {part.name: part.points for part in tolerance.parts}
        if tolerance
        else {},
        "verdict": judgement.verdict,
        "reason": judgement.reason or None,
    }


def _limit(judgement: Judgement) -> str:
    """Return what counts as a match, where that decided and is not as usual or not met."""
    tolerance = judgement.tolerance
    if judgement.delta is None or tolerance is None or judgement.reason:
        return ""  # a reason says what decided
    given = tolerance.is_given
    if judgement.verdict in MISMATCHES or (judgement.verdict is Verdict.MATCH and given):
        points = " points" if METRICS[judgement.metric].is_accuracy else ""
        said = f"{abs(judgement.delta):.3f}{points} apart; up to {tolerance.limit} is a match"
        return f"{said}, by the --tolerance given" if given else said
    return ""


def _tolerance(judgement: Judgement) -> Iterator[str]:
    """Yield of what the largest difference that is a match consists."""
    if judgement.tolerance is not None and judgement.verdict in (Verdict.MATCH, *MISMATCHES):
        yield f"{metric_title(judgement.metric)}: up to {judgement.tolerance.limit} is a match"
        yield from (f"  {part}" for part in judgement.tolerance.describe())


def _styled(verdict: Verdict) -> str:
    colour = "green" if verdict is Verdict.MATCH else "red" if verdict in MISMATCHES else "yellow"
    return click.style(verdict.label, fg=colour)
