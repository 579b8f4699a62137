"""Holds a record against its images file, from which its values are recomputed, and against itself.

What decides nothing about numbers is held against the line with which the run ended the file. This
finds damage and edits; who computes record and file anew is not found out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.errors import RecordError, ZooError
from hrnet_zoo.records.accuracy import AccuracyRecord, Measurement
from hrnet_zoo.records.images_file import (
    ENDING,
    TIES,
    ImagesFile,
    beside,
    content_of,
    read_images,
)
from hrnet_zoo.system.strict import Part, first_problem
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.scored import ProtocolUsed, Scored
from hrnet_zoo.verdicts.consistency import contradictions_in_itself, is_same
from hrnet_zoo.verdicts.early_looks import contradicted_looks
from hrnet_zoo.zoo.complexity import complexity_of
from hrnet_zoo.zoo.row import Row

_MOST_BYTES = 2**30
"""That the results of all images may take in memory; those of COCO's 5000 take a tenth."""


class Evidence(Part):
    """What was found when a record was checked."""

    missing: str = ""
    """Why there is no evidence at all."""
    contradictions: tuple[str, ...] = ()
    unchecked: dict[str, str] = {}
    """Metrics whose value cannot be recomputed, with the reason."""

    @property
    def found(self) -> list[str]:
        """Return all that speaks against the record."""
        return [*([self.missing] if self.missing else []), *self.contradictions]

    def against(self, metric: str) -> str:
        """Return why the value of a metric cannot be relied on; empty if it can."""
        if self.missing:
            return self.missing
        if self.contradictions:
            first, *others = self.contradictions
            more = f" (and {len(others)} more)" if others else ""
            return f"the record contradicts its images file: {first}{more}"
        return self.unchecked.get(metric, "")


def examine(row: Row | None, record: AccuracyRecord, path: Path) -> Evidence:
    """Return what speaks against a record, which may take seconds; `evidence_of` remembers it.

    Args:
        row: of the record, in its edition; None: no such row is known, and nothing is recomputed.
        record: as read from ``path``.
        path: of the record; its images file lies beside it.
    """
    found = [*contradictions_in_itself(record), *_sizes(row, record)]
    seen = [m for m in record.measurements if m.metric in METRICS and _is_of_images(m.metric)]
    needs_file = record.status == "completed" and bool(seen)
    if not (needs_file or record.images_sha256 or beside(path).exists()):
        return Evidence(contradictions=tuple(found))
    try:
        file, content = read_images(record, path), content_of(path)
    except RecordError as error:
        return Evidence(missing=str(error), contradictions=tuple(found))
    if is_of_other := _of_another_run(record, file):
        return Evidence(missing=is_of_other, contradictions=tuple(found))
    found += [*_ties(record, content, file), *_inputs(record, seen, file)]
    unchecked = dict[str, str]()
    if row is not None:
        for measurement in seen:
            counted = _counted(row, measurement, file)
            if isinstance(counted, str):
                unchecked[measurement.metric] = counted
            else:
                found += _recomputed(row, measurement, counted, file)
    return Evidence(contradictions=tuple(found), unchecked=unchecked)


def _is_of_images(metric: str) -> bool:
    return METRICS[metric].is_accuracy


def _sizes(row: Row | None, record: AccuracyRecord) -> Iterator[str]:
    """Hold the number of parameters against the network's; nothing here counts its Flops."""
    measured, counted = record.measurement("params_m"), row and complexity_of(row)
    if measured and counted and measured.value is not None:
        parameters = counted.parameters / 1e6
        if not is_same(measured.value, parameters):
            yield f"params_m is {measured.value}, and the row's network has {parameters}"


def _of_another_run(record: AccuracyRecord, file: ImagesFile) -> str:
    """Return whose the file is, if it is not that of the record."""
    name = Path(record.images_file or "").name
    if file.ended is None:
        expected = name.replace(ENDING, ".json")
        if file.records and file.records[-1] != expected:
            return f"its images file {name} is of another run, {file.records[-1]}"
        return ""
    if record.images_sha256 == file.sha256:
        return ""  # then the record was changed
    ours = record.model_dump(mode="json", include={"row", "edition", "started_at"})
    theirs = {key: file.ended.get(key) for key in ours}
    if ours == theirs:
        return ""
    whose = f"of {theirs['row']} at {theirs['started_at']}"
    return f"its images file {name} is of another run, {whose}"


def _ties(record: AccuracyRecord, content: dict[str, Any], file: ImagesFile) -> Iterator[str]:
    if file.ended is None and record.images_sha256 is None:  # an old one
        allows = any(measurement.allowances for measurement in record.measurements)
        if record.segments or record.self_test is not None or allows:
            yield "it says what only newer runs do, whose images files end with the record"
        return
    for what, found in (("images_sha256", file.sha256), ("images_bytes", file.size_bytes)):
        if content.get(what) != found:
            yield f"{what} is {_short(content.get(what))}, and {_short(found)} of its images file"
    said = {key: value for key, value in content.items() if key not in TIES}
    yield from _changes(file.ended, said, "")


def _changes(before: object, after: object, where: str) -> Iterator[str]:
    """Yield what is in the record and was not there when the run ended."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in {**before, **after}:
            yield from _changes(before.get(key), after.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new, f"{where}.{i}")
    elif before != after or type(before) is not type(after):
        yield f"{where} is {_short(after)}, and was {_short(before)} when the run ended"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _inputs(record: AccuracyRecord, seen: list[Measurement], file: ImagesFile) -> Iterator[str]:
    """Hold weights, engine, protocols, images and parts of the run against those in the file."""
    header, used, data = file.header, record.checkpoint, record.dataset
    if used is None or used.sha256 != header.get("checkpoint"):
        said = used.sha256 if used else "nothing"
        found = str(header.get("checkpoint"))
        yield f"its checkpoint is {said}, and its images were seen with {found}"
    engine = record.settings.engine.name if record.settings else None
    if engine != header.get("engine", engine):
        yield f"its engine is {engine}, and that of its images {header['engine']}"
    for measurement in seen:
        yield from _protocol(measurement, header)
    num_images = len(file.images)
    if data is None or data.num_images != num_images:
        yield f"it has {data.num_images if data else 'no'} images, and its images file {num_images}"
    digests = {name: line.digest for name, line in file.images.items() if line.digest}
    if data and len(digests) == num_images and data.fingerprint != fingerprint(digests):
        yield f"its fingerprint is {data.fingerprint[:16]}, and its images have another"
    if file.segments != record.segments:
        yield "its segments are not those of its images file"


def _protocol(measurement: Measurement, header: Mapping[str, Any]) -> Iterator[str]:
    protocols, name = header.get("protocol"), METRICS[measurement.metric].protocol
    known = protocols if isinstance(protocols, dict) else {}
    # The first format had them by metric.
    content = known.get(name) or known.get(measurement.metric)
    try:
        used = ProtocolUsed.model_validate(content)
    except ValidationError as error:
        yield f"its images file has no protocol of {measurement.metric} ({first_problem(error)})"
        return
    if measurement.protocol != used:
        yield f"{measurement.metric} has another protocol than its images"


def _counted(row: Row, measurement: Measurement, file: ImagesFile) -> list[Any] | str:
    """Return what was counted in every image, in the order of names, or why nothing was kept."""
    metric, task = METRICS[measurement.metric], TASKS[row.task]
    if metric.task != row.task:
        return f"{metric.name} is no number of {row.task}"
    texts = [file.images[name].results.get(metric.evidence) for name in sorted(file.images)]
    kept = [text for text in texts if text is not None]
    if len(kept) < len(texts) or not kept:
        return f"what {metric.title} is computed from was not kept of every image"
    counted, size = [], 0
    try:
        for text in kept:
            counted.append(task.from_text(metric.evidence, text))
            size += sum(getattr(v, "nbytes", 0) for v in vars(counted[-1]).values())
            if size > _MOST_BYTES:
                return f"its images file unpacks to more than {_MOST_BYTES} bytes"
    except ValueError as error:
        return f"its images file is damaged: {error}"
    return counted


def _recomputed(
    row: Row, measurement: Measurement, counted: list[Any], file: ImagesFile
) -> Iterator[str]:
    name = measurement.metric
    try:
        scored = TASKS[row.task].scored(row.setup, METRICS[name], counted)
    except (ValueError, IndexError, ZooError) as error:
        yield f"{name} cannot be recomputed from its images: {error}"
        return
    for what, said, found in _numbers(measurement, scored):
        if not is_same(said, found):
            yield f"{what} is {said}, and {found} by its images"
    yield from contradicted_looks(row, measurement, file)


def _numbers(measurement: Measurement, scored: Scored) -> Iterator[tuple[str, Any, Any]]:
    """Yield what a number is, what the record says of it, and what follows from its images.

    Old records say less, and had intervals of another kind.
    """
    name = measurement.metric
    yield name, measurement.value, scored.value
    for figure, value in measurement.figures.items():
        yield f"{figure} of {name}", value, scored.figures.get(figure)
    if measurement.classes:
        ours, theirs = ([c.name for c in each.classes] for each in (measurement, scored))
        yield f"the classes of {name}", ours, theirs
    for said, found in zip(measurement.classes, scored.classes, strict=False):
        for figure, value in said.figures.items():
            yield f"{figure} of {said.name}", value, found.figures.get(figure)
    kept, again = measurement.interval, scored.interval
    of_old = kept.method == "bootstrap" if kept else measurement.no_interval is None
    if of_old or (kept and again and kept.method != again.method):
        return
    yield f"why {name} has no interval", measurement.no_interval, scored.no_interval
    spans = [dict(each.interval or {}) for each in (measurement, scored)]
    for key in {**spans[0], **spans[1]}:
        yield f"{key} of the interval of {name}", spans[0].get(key), spans[1].get(key)
