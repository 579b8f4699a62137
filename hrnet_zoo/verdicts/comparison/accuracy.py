"""Judges accuracies of two sets of records: by their images where both kept these, and by value.

Only runs of the same weights on the same data are compared, and evaluation is deterministic. So a
difference between two runs on one machine is not chance, whatever other images would show.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.images_file import named_by
from hrnet_zoo.records.journal import read_finished
from hrnet_zoo.records.migrations import newest_line
from hrnet_zoo.system.strict import first_problem
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.jackknife import LEVEL, kept, quantile, standard_error
from hrnet_zoo.verdicts.accuracy import UNFINISHED, flaws
from hrnet_zoo.verdicts.comparison.outcome import Comparison, ComparisonOutcome
from hrnet_zoo.verdicts.comparison.pairing import FoundNumber, holm, pair_up
from hrnet_zoo.verdicts.evidence import Evidence
from hrnet_zoo.zoo.row import EditionName

FALSE_ALARMS = 1 - LEVEL
"""Probability of calling any accuracy of a whole comparison changed by noise of machines alone."""

_ROUNDING = 1e-6
"""Points by which two sums of the same counts may differ."""

_Key = tuple[str, EditionName, str]
"""Row, edition and metric."""
_Accuracy = FoundNumber[AccuracyRecord]
_Pair = tuple[_Accuracy, _Accuracy]


class _Line(BaseModel):
    """What a line says of one image, as far as it is used here."""

    name: str
    results: dict[str, str]
    """By protocol, and by kind what of the detections matches."""


def compare_accuracies(
    base: Sequence[Found[AccuracyRecord]],
    head: Sequence[Found[AccuracyRecord]],
    metrics: Collection[str],
    decimals_of: Callable[[str, EditionName, str], int],
    evidence: Callable[[AccuracyRecord, Path], Evidence],
) -> list[Comparison]:
    """Return what became of every accuracy.

    Args:
        base: newest first.
        head: newest first.
        metrics: which to compare.
        decimals_of: decimals of the printed number of a row, edition and metric.
        evidence: what speaks against a record; asked of those that would be compared.
    """
    before = _measured(base, metrics)
    after = _asked(head, metrics, before)
    newest = _asked(base, metrics, after)
    answers = []
    for key in {**before, **after}:
        failed = key in newest and newest[key].value is None
        row, edition, metric = key
        number = Comparison(
            row=row, metric=metric, kind="accuracy", edition=edition, decimals=decimals_of(*key)
        )
        differences = partial(_unlike, metric, evidence)
        pair = pair_up(
            number, before.get(key, []), after.get(key), differences, failed_before=failed
        )
        answers.append(pair)
    # All pairs are judged together: how sure one must be depends on how many were tested.
    found = [number if pair is None else _examined(number, pair) for number, pair in answers]
    tested = {i: number.p_value for i, number in enumerate(found) if number.p_value is not None}
    for i, p_value in holm(tested).items():
        found[i] = _by_images(replace(found[i], p_value=p_value), answers[i][1])
    return found


def _measured(
    runs: Iterable[Found[AccuracyRecord]], metrics: Collection[str]
) -> dict[_Key, list[_Accuracy]]:
    """Return the completed runs of every number that has a value, newest first."""
    measured: dict[_Key, list[_Accuracy]] = {}
    for run in runs:
        for measurement in run.record.measurements:
            seen = _seen(run, measurement.metric)
            if measurement.metric in metrics and seen.value is not None:
                key = (run.record.row, run.record.edition, measurement.metric)
                measured.setdefault(key, []).append(seen)
    return measured


def _asked(
    runs: Iterable[Found[AccuracyRecord]], metrics: Collection[str], known: Collection[_Key]
) -> dict[_Key, _Accuracy]:
    """Return the newest run that was to measure each number, whatever became of it.

    Args:
        runs: newest first.
        metrics: which to compare.
        known: numbers of the other side; one that failed before it noted what it was asked for
            counts as a run of all of its row's.
    """
    asked: dict[_Key, _Accuracy] = {}
    for run in runs:
        row, edition = run.record.row, run.record.edition
        of_row = [key[2] for key in known if key[:2] == (row, edition)]
        for metric in run.record.metrics or of_row:
            if metric in metrics:
                asked.setdefault((row, edition, metric), _seen(run, metric))
    return asked


def _seen(run: Found[AccuracyRecord], metric: str) -> _Accuracy:
    record, value = run.record, None
    if record.status != "completed":
        failure = record.reason or UNFINISHED.get(record.status, "it could not be run")
    else:
        failure = record.not_run.get(metric) or "the measured value is not a number"
        if (measurement := record.measurement(metric)) is not None:
            value = measurement.value
    return FoundNumber(record=record, path=run.path, value=value, failure=failure)


def _unlike(
    metric: str,
    evidence: Callable[[AccuracyRecord, Path], Evidence],
    base: _Accuracy,
    head: _Accuracy,
) -> Iterator[str]:
    """Yield why two measurements cannot be compared; the last reasons take time to find."""
    yield from _differences(metric, base, head)
    task = TASKS[METRICS[metric].task or ""]
    for side, seen in (("HEAD", head), ("BASE", base)):
        yield from (f"in {side}, {flaw}" for flaw in flaws(seen.record, task))
        if against := evidence(seen.record, seen.path).against(metric):
            yield f"in {side}, {against}"


def _differences(metric: str, base: _Accuracy, head: _Accuracy) -> Iterator[str]:
    """Yield in which ways two measurements are of different things."""
    before, after = base.record.dataset, head.record.dataset
    if before is None or after is None:
        yield "a record does not say which data were evaluated"
    elif before.name != after.name:
        yield f"other data: {before.name}, then {after.name}"
    elif before.num_images != after.num_images:
        yield f"{before.num_images} images, then {after.num_images}"
    elif before.fingerprint != after.fingerprint:
        yield "other images or labels, by their fingerprint"
    old, new = base.record.checkpoint, head.record.checkpoint
    if old is None or new is None:
        yield "a record does not say which weights were evaluated"
    elif old.sha256 != new.sha256:
        yield f"other weights: {old.title}, then {new.title}"
    first, second = (seen.record.measurement(metric) for seen in (base, head))
    if first and second and first.protocol != second.protocol:
        yield "another test protocol"
    engines = [s.engine.name if (s := seen.record.settings) else "torch" for seen in (base, head)]
    if engines[0] != engines[1]:
        yield f"another engine: {engines[0]}, then {engines[1]}"


def _examined(number: Comparison, pair: _Pair) -> Comparison:
    """Return the test of a pair's images, or the answer where there is nothing to test."""
    assert number.base is not None
    assert number.head is not None
    number = replace(
        number,
        difference=number.head - number.base,
        # Less than half a unit of the last printed digit does not move the printed number.
        minimum_effect=0.5 * 10.0**-number.decimals,
    )
    try:
        base, head = (_counted(seen, number.metric) for seen in pair)
        if not base or not head:
            return _by_value(number, pair)
        # Equal counts with other values are not equal runs: testing them finds what is wrong.
        if base == head and abs(_change(number)[0]) <= _ROUNDING:
            basis = f"equal counts in all {len(base)} images"
            return number.judged(ComparisonOutcome.SAME, basis)
        if len(base) == 1:
            return _by_value(number, pair)
        return _tested(number, pair, (base, head))
    except RecordError as error:
        # Falling back on values could take a damaged file for a regression.
        return number.judged(ComparisonOutcome.NOT_COMPARABLE, str(error))


def _counted(seen: _Accuracy, metric: str) -> dict[str, str]:
    """Return by image what a run kept of it, equal texts for equal counts; empty if it kept none.

    Raises:
        RecordError: the file is damaged, or has other images than its record says.
    """
    file, dataset = _images_file(seen), seen.record.dataset
    evidence, protocol = METRICS[metric].evidence, METRICS[metric].protocol
    if file is None or dataset is None or METRICS[metric].task is None:
        return {}
    pieces = [piece for piece in read_finished(file) if "name" in piece]
    try:
        lines = [_Line.model_validate(newest_line(piece)) for piece in pieces]
    except ValidationError as error:
        msg = f"{file} is damaged ({first_problem(error)}). Restore it or run the row again."
        raise RecordError(msg) from None
    if all(evidence not in line.results and protocol in line.results for line in lines):
        return {}  # old runs kept detections alone, which tell no AP without annotations
    texts = {line.name: line.results.get(evidence, "") for line in lines}
    if len(texts) != dataset.num_images or not all(texts.values()):
        msg = (
            f"{file} does not hold {metric} of the {dataset.num_images} images of its record. "
            "Restore it or run the row again."
        )
        raise RecordError(msg)
    return texts


def _images_file(seen: _Accuracy) -> Path | None:
    """Return the file with the result of every image, if there is one."""
    file = named_by(seen.record, seen.path)
    return file if file is not None and file.is_file() else None


def _tested(
    number: Comparison, pair: _Pair, counted: tuple[dict[str, str], dict[str, str]]
) -> Comparison:
    """Return how the difference would vary, had other images been drawn, with its p-value.

    Both runs leave out the same images in turn, so what they share cancels out.

    Raises:
        RecordError: the files do not fit each other or their records.
    """
    metric, files = METRICS[number.metric], [_images_file(seen) for seen in pair]
    names = sorted(counted[0])
    if counted[0].keys() != counted[1].keys():
        msg = f"{files[0]} and {files[1]} name other images, though their data are the same."
        raise RecordError(msg)
    runs = [[texts[name] for name in names] for texts in counted]
    task = TASKS[metric.task or ""]
    try:
        found, values = task.reweighted_runs(metric, runs, kept(len(names), task.most_groups))
    except ValueError as error:
        msg = f"{files[0]} and {files[1]}: {error}."
        raise RecordError(msg) from None
    for file, seen, value in zip(files, pair, found, strict=True):
        if value is None or seen.value is None or abs(value - seen.value) > _ROUNDING:
            msg = f"{file} does not add up to the value in its record. Run the row again."
            raise RecordError(msg)
    differences = values[1] - values[0]
    if not np.isfinite(differences).all():  # without some images there is nothing to measure
        return _by_value(number, pair)
    difference, spread = _change(number)[0], standard_error(differences)
    half = quantile((1 + LEVEL) / 2, len(differences)) * spread
    return replace(
        number,
        interval=(difference - half, difference + half),
        p_value=difference_test(difference, spread, len(differences)),
        basis=f"{number.basis}paired jackknife over {len(names)} images",
    )


def _by_images(number: Comparison, pair: _Pair | None) -> Comparison:
    """Judge by how the difference varies between samples of images, then by the values.

    The jackknife answers whether other images would show it, too. A mistake in one image of a
    thousand would not be seen in others, and is one nevertheless: were both to agree, one mistake
    among 36 images, worth five points, would pass.
    """
    assert pair is not None
    assert number.interval is not None
    assert number.p_value is not None
    (low, high), (difference, effect), said = number.interval, _change(number), ""
    outcome = _direction(difference)
    if -effect <= low and high <= effect:
        outcome = ComparisonOutcome.SAME
    elif low <= 0 <= high or number.p_value >= FALSE_ALARMS or abs(difference) < effect:
        if _cannot_be_noise(number, pair):
            said = "; so on these images, though others might not show it"
        else:
            outcome = ComparisonOutcome.INCONCLUSIVE
            said = f"; {_may_be_noise(number)}" if abs(difference) >= effect else ""
    basis = f", p {number.p_value:.1g}; smallest that counts: {effect:g}{said}"
    return number.judged(outcome, basis)


def _by_value(number: Comparison, pair: _Pair) -> Comparison:
    """Judge by the values alone."""
    difference, effect = _change(number)
    basis = f"values, no interval; smallest that counts: {effect:g}"
    if abs(difference) < effect:
        return number.judged(ComparisonOutcome.SAME, basis)
    if not _cannot_be_noise(number, pair):
        basis = f"values, no interval; {_may_be_noise(number)}"
        return number.judged(ComparisonOutcome.INCONCLUSIVE, basis)
    return number.judged(_direction(difference), basis)


def _direction(difference: float) -> ComparisonOutcome:
    return ComparisonOutcome.BETTER if difference > 0 else ComparisonOutcome.WORSE


def _cannot_be_noise(number: Comparison, pair: _Pair) -> bool:
    """Whether the same weights on the same images cannot differ so much by themselves.

    On one machine evaluation is deterministic; between two, values move a little.
    """
    difference, effect = _change(number)
    alike = _surroundings(pair[0].record) == _surroundings(pair[1].record)
    large = abs(difference) > float(METRICS[number.metric].noise)
    return abs(difference) >= effect and (large or alike)


def _may_be_noise(number: Comparison) -> str:
    return f"on other machines or versions, {METRICS[number.metric].noise} may be noise"


def _change(number: Comparison) -> tuple[float, float]:
    """Return the difference and the smallest that counts, which every pair has."""
    assert number.difference is not None
    assert number.minimum_effect is not None
    return number.difference, number.minimum_effect


def _surroundings(record: AccuracyRecord) -> dict[str, Any]:
    """Return what may move a value although nothing that is verified here has changed."""
    named = {"cpu", "gpus", "opencv", "cuda", "cudnn", "packages"}
    found = record.environment.model_dump(include=named)
    found["packages"].pop("hrnet-zoo", None)
    settings = record.settings
    return found | {"settings": settings and (settings.device, settings.num_threads)}


def difference_test(difference: float, error: float, num_groups: int) -> float:
    """Return the two-sided p-value that a difference is none, by Student's t.

    Args:
        difference: as measured.
        error: its standard error.
        num_groups: of images, that were left out to find the error; at least 2.
    """
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    # scipy.stats.t says the same, and takes four times as long to import.
    from scipy.special import stdtr  # noqa: PLC0415

    return float(2 * stdtr(num_groups - 1, -abs(difference) / error))
