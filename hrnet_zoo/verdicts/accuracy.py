"""Holds a measured number against the documented one.

A verdict is computed from a record and a manifest row. Only a match is a success. What a match may
differ by stands in ``tolerance.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed, Measurement
from hrnet_zoo.records.base import Status
from hrnet_zoo.records.folder import Found
from hrnet_zoo.system.wording import Answer
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.task import Task
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.verdicts.segments import segment_differences
from hrnet_zoo.verdicts.self_test import disagreement
from hrnet_zoo.verdicts.tolerance import Tolerance, tolerance_for
from hrnet_zoo.zoo.row import Row
from hrnet_zoo.zoo.zoo import Zoo


class Verdict(Answer):
    """The answer to "does it give the number in the table?"; only MATCH is a yes."""

    MATCH = "match"
    MISMATCH_BETTER = "mismatch_better"
    MISMATCH_WORSE = "mismatch_worse"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not_comparable"
    NOT_DOCUMENTED = "not_documented"
    NOT_RUN = "not_run"
    ERROR = "error"


UNFINISHED: dict[Status, str] = {
    "started": "the run never finished: it was killed, or is still going on",
    "interrupted": "the run was interrupted",
    "error": "the run failed",
}

MISMATCHES = (Verdict.MISMATCH_BETTER, Verdict.MISMATCH_WORSE)


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One documented number, what was measured, and the verdict on it."""

    row: str
    metric: str
    documented: Decimal | None
    """As printed, decimals included."""
    measured: float | None
    delta: float | None
    """measured - documented, in points."""
    tolerance: Tolerance | None
    """What counts as a match."""
    verdict: Verdict
    reason: str
    """Why the verdict is not simply match or mismatch; may be empty."""


Measured = Mapping[tuple[str, str], Judgement]
"""(row name, metric) -> the latest verdict that rests on a full, comparable measurement."""


def judge(
    row: Row,
    record: AccuracyRecord,
    metric: str,
    noise: Decimal | None = None,
    evidence: Evidence | None = None,
) -> Judgement:
    """Return the verdict on one number of a row.

    Args:
        row: the manifest's row.
        record: a run of that row.
        metric: which of the row's numbers.
        noise: allowance in points on top of the printed number's rounding; None: as measured.
        evidence: what `evidence_of` found; None: nothing is known against the record. Whatever is
            said to people rests on it.
    """
    documented = row.documented(metric)
    measurement = record.measurement(metric)
    measured = measurement.value if measurement else None
    delta = tolerance = None
    if documented is not None:
        tolerance = tolerance_for(documented, metric, measurement, noise)
        delta = None if measured is None else measured - float(documented)
    verdict, reason = Verdict.MATCH, ""
    limit = None if tolerance is None else tolerance.limit
    if (answer := _no_comparison(row, record, metric, limit, evidence)) is not None:
        verdict, reason = answer
    # A hair of slack, so that binary fractions do not decide a difference of exactly the limit.
    elif delta is not None and tolerance is not None and abs(delta) > float(tolerance.limit) + 1e-9:
        is_better = (delta > 0) is METRICS[metric].higher_is_better
        verdict = Verdict.MISMATCH_BETTER if is_better else Verdict.MISMATCH_WORSE
    return Judgement(
        row=row.name,
        metric=metric,
        documented=documented,
        measured=measured,
        delta=delta,
        tolerance=tolerance,
        verdict=verdict,
        reason=reason,
    )


def exit_code(judgements: Iterable[Judgement]) -> int:
    """Return 0 if all match, 1 if any mismatches, else 3: something has no verdict."""
    verdicts = [judgement.verdict for judgement in judgements]
    if any(verdict in MISMATCHES for verdict in verdicts):
        return 1
    return 0 if verdicts and all(verdict is Verdict.MATCH for verdict in verdicts) else 3


def _no_comparison(
    row: Row,
    record: AccuracyRecord,
    metric: str,
    tolerance: Decimal | None,
    evidence: Evidence | None,
) -> tuple[Verdict, str] | None:
    """Return the verdict and its reason where the difference must not decide, else None."""
    measurement = record.measurement(metric)
    reason = record.not_run.get(metric) or record.reason
    if row.documented(metric) is None:
        return Verdict.NOT_DOCUMENTED, reason or _undocumented(row, metric)
    if record.status in UNFINISHED:
        return Verdict.ERROR, reason or UNFINISHED[record.status]
    if measurement is None or measurement.value is None:
        return _no_value(measurement, reason)
    if evidence is not None and (against := evidence.against(metric)):
        return Verdict.NOT_COMPARABLE, against
    # What follows from the network alone does not depend on how many images were seen.
    partial = _partial(row, record) if measurement.protocol else ""
    obstacles = list(_obstacles(row, record, measurement))
    if obstacles:
        return Verdict.NOT_COMPARABLE, "; ".join([partial, *obstacles] if partial else obstacles)
    assert tolerance is not None  # it is documented
    return _judge_partial(row, record, measurement, partial, tolerance) if partial else None


def _no_value(measurement: Measurement | None, reason: str | None) -> tuple[Verdict, str]:
    if measurement is None:
        return Verdict.NOT_RUN, reason or "it was not asked for"
    return Verdict.ERROR, "the measured value is not a number"


def _undocumented(row: Row, metric: str) -> str:
    if row.edition == "later":
        return "the later edition states no value"
    states_it = row.later is not None and row.in_edition("later").documented(metric) is not None
    hint = '; the "later" edition states one, see --edition later' if states_it else ""
    return f"the table prints no value{hint}"


def _partial(row: Row, record: AccuracyRecord) -> str:
    """Return which part of the images was evaluated, or nothing if all were, and no others."""
    data, complete = record.dataset, row.setup.num_images
    if data is None or data.num_images == data.num_images_found == complete:
        return ""
    if data.num_images == complete:
        return f"{complete} of {data.num_images_found} images were evaluated, and some are others"
    part = f"{data.num_images} of {complete} images were evaluated"
    seed = record.asked.seed  # old records have none, and the first images
    return part if seed is None else f"{part}, drawn at random with seed {seed}"


def _judge_partial(
    row: Row, record: AccuracyRecord, measurement: Measurement, partial: str, tolerance: Decimal
) -> tuple[Verdict, str]:
    assert record.dataset is not None
    for_all = record.asked.quick or (measurement.interval and measurement.interval.population)
    if for_all and record.dataset.num_images_found < row.setup.num_images:
        reason = f"{partial}, and those that are missing were not left out at random"
        return Verdict.NOT_COMPARABLE, reason
    if for_all and record.asked.seed is None and record.asked.unchanged_since is not None:
        return Verdict.NOT_COMPARABLE, f"{partial}, those of {record.asked.unchanged_since}"
    judge_part = _judge_quick if record.asked.quick else _judge_part
    return judge_part(row, measurement, partial, tolerance)


def _judge_part(
    row: Row, measurement: Measurement, partial: str, tolerance: Decimal
) -> tuple[Verdict, str]:
    """Return what a part of the images allows to say; it is never a match."""
    interval, documented = measurement.interval, row.documented(measurement.metric)
    if interval is None or documented is None:
        return Verdict.NOT_COMPARABLE, "; ".join(filter(None, [partial, measurement.no_interval]))
    allowed = 0.0  # old records go on to say what they said
    span = f"{partial}; {interval.level:.0%} interval"
    if interval.population:
        allowed, span = float(tolerance), f"{span} of all {interval.population}"
    span = f"{span} {interval.low:.2f} to {interval.high:.2f}"
    if interval.low - allowed <= float(documented) <= interval.high + allowed:
        return Verdict.INCONCLUSIVE, f"{span} includes the documented value"
    return Verdict.NOT_COMPARABLE, f"{span} does not include the documented value"


def _judge_quick(
    row: Row, measurement: Measurement, partial: str, tolerance: Decimal
) -> tuple[Verdict, str]:
    """Return whether a look of `verify --quick` refutes the documented value; none confirms it."""
    documented = row.documented(measurement.metric)
    assert documented is not None
    least = documented - tolerance
    verdict, said = Verdict.INCONCLUSIVE, "not refuted: the images are too few to tell anything"
    for look in measurement.looks:
        if look.at_most is None:
            continue
        most = f"all {row.setup.num_images} have at most {look.at_most:.2f}"
        said = f"not refuted after {look.num_images} images: {most}, and a match needs them all"
        if look.at_most < least:
            verdict = Verdict.MISMATCH_WORSE
            sure = f"with {100 * look.level:.4g}% confidence {most}, and a match begins at {least}"
            said = f"refuted after {look.num_images} images: {sure}"
            break
    parts, interval = [said, partial], measurement.interval
    if interval is not None:
        parts.insert(1, f"{interval.level:.0%} interval {interval.low:.2f} to {interval.high:.2f}")
    elif measurement.no_interval is not None:
        parts.insert(1, f"{measurement.no_interval}: taken for found perfectly")
    return verdict, "; ".join(parts)


def _obstacles(row: Row, record: AccuracyRecord, measurement: Measurement) -> Iterator[str]:
    """Yield why the measured number is not a measurement of the documented one."""
    if record.row != row.name:
        yield f"it is a record of another row, {record.row}"
    if record.edition != row.edition:
        yield f'it is a record of the "{record.edition}" edition, not of "{row.edition}"'
    if measurement.protocol is None:
        return  # it follows from the row's network alone
    dataset, checkpoint = record.dataset, record.checkpoint
    if dataset is None or checkpoint is None:
        yield "the record does not say what was evaluated"
        return
    yield from flaws(record, TASKS[row.task])
    if dataset.name != row.setup.dataset:
        yield f"it was measured on {dataset.name}, documented on {row.setup.dataset}"
    prefix = row.checkpoint_sha256_prefix
    if prefix is None:
        yield "the row documents no checkpoint"
    elif not checkpoint.sha256.startswith(prefix):
        yield _other_checkpoint(row, checkpoint, prefix)
    yield from _protocol_differences(row, measurement)


def flaws(record: AccuracyRecord, task: Task) -> Iterator[str]:
    """Yield why what was computed is not what it should be, whatever was documented."""
    if record.settings is not None and record.settings.tf32:
        yield "it was computed with TF32, not in float32"
    if disagrees := disagreement(task, record.self_test):
        yield disagrees
    yield from segment_differences(record.segments)


def _other_checkpoint(row: Row, used: CheckpointUsed, prefix: str) -> str:
    for edition in row.editions_of(used.sha256):
        return f'the file is that of the "{edition}" edition; verify it with --edition {edition}'
    return f"another checkpoint: {used.short_title}, documented {prefix}..."


def _protocol_differences(row: Row, measurement: Measurement) -> Iterator[str]:
    documented, used = METRICS[measurement.metric].protocol, measurement.protocol
    if documented is None or used is None:
        yield f"nothing is known about how {measurement.metric} was measured"
        return
    expected = TASKS[row.task].protocol_used(row.setup, documented)
    if used.name != documented:
        yield f"measured with the protocol {used.name}, documented with {documented}"
    elif (used.ratios, used.flip) != (expected.ratios, expected.flip):
        yield f"other scales or mirroring than {documented} stands for"
    if used.test != expected.test:
        yield "another test scale or window than the documented one"
    if used.normalisation != expected.normalisation:
        yield "another input normalisation than the documented one"


def latest_judgements(zoo: Zoo, runs: Iterable[Found[AccuracyRecord]]) -> Measured:
    """Return, per documented number, the verdict on its latest comparable measurement.

    Partial runs, other checkpoints or editions and unfinished runs are passed over: a table shows
    only what can stand beside the documented value.

    Args:
        zoo: rows by name; records of other rows are passed over.
        runs: in any order; they may be `without_classes`.
    """
    rows = {row.name: row for row in zoo.rows}
    latest = dict[tuple[str, str], Judgement]()
    # What would not count is not checked, which takes time. Of one second the last one counts.
    newest_first = sorted(runs, key=lambda run: run.record.started_at)[::-1]
    for run in newest_first:
        # A part of the images can refute a value, but is none to stand beside it.
        if (row := rows.get(run.record.row)) is None or run.record.asked.quick:
            continue
        evidence = None
        for metric in (measurement.metric for measurement in run.record.measurements):
            number = (row.name, metric)
            if number in latest or not counts(judge(row, run.record, metric)):
                continue
            evidence = evidence or evidence_of(row, None, run.path)
            judgement = judge(row, run.record, metric, evidence=evidence)
            if counts(judgement):
                latest[number] = judgement
    return latest


def counts(judgement: Judgement) -> bool:
    """Whether it rests on a full and comparable measurement, unless `verify --quick` made it."""
    return judgement.verdict in (Verdict.MATCH, *MISMATCHES)


def compared_cells(judgement: Judgement, decimals: int) -> tuple[str, str]:
    """Return measured value and difference as a table shows them; "(!)" marks a mismatch.

    Args:
        judgement: on a number that is documented and was measured.
        decimals: of both.
    """
    assert judgement.delta is not None
    flag = "" if judgement.verdict is Verdict.MATCH else " (!)"
    delta = round(judgement.delta, decimals) + 0.0  # no "-0.00"
    return f"{judgement.measured:.{decimals}f}", f"{delta:+.{decimals}f}{flag}"
