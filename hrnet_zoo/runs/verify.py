"""From a row to a record of its accuracy.

What needs torch, whose import takes seconds, is imported once a row's images are known to be there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hrnet_zoo.errors import (
    PrerequisiteError,
    RecordError,
    UsageError,
    ZooError,
    explain_os_error,
)
from hrnet_zoo.records.accuracy import AccuracyAsked, AccuracyRecord, Measurement
from hrnet_zoo.records.base import Status
from hrnet_zoo.records.files import RecordFile, beginning, new_record_path
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.settings import torch_variables
from hrnet_zoo.system.environment import describe_environment, describe_host
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.system.signals import name_of
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.verdicts.criteria import criteria_digest
from hrnet_zoo.zoo.row import Row

_NAMED = 3


def verify_row(
    row: Row, metrics: Sequence[str], options: MeasureOptions, output: Path, progress: Progress
) -> RecordFile:
    """Measure the asked-for numbers of one row and write the record.

    The record says "started" before anything else happens, and is replaced when the run ends,
    however it ends. What could not be run is recorded with its reason, not raised. A run that was
    interrupted goes on where it stopped when it is started again with the same ``output``. One that
    is completed stays so, whatever happens to what else was asked for.

    Raises:
        RecordError: the record cannot be written.
        UsageError: an option makes no sense.
        KeyboardInterrupt: the user stopped the run; the record says so.
    """
    started_at, remarks = beginning(output, row.name)
    for remark in remarks:
        progress.say(f"{row.name}: {remark}")
    environment = describe_host(torch_variables())
    version = environment.packages.get("hrnet-zoo")
    record = AccuracyRecord(
        row=row.name,
        edition=row.edition,
        status="started",
        started_at=started_at,
        asked=AccuracyAsked(
            metrics=list(metrics),
            own_checkpoint=options.checkpoint is not None,
            device=options.device,
            engine=options.engine,
            limit=options.limit,
            seed=options.seed_of_part,
            quick=options.quick,
            unchanged_since=options.earlier and options.earlier.path.name,
            partial=options.partial,
            mirror=options.fetch.mirror is not None,
            offline=options.fetch.offline,
            tolerance=options.tolerance,
            criteria_sha256=criteria_digest(row, metrics, options.tolerance, version),
        ),
        environment=environment,
        remarks=remarks,
    )
    file = RecordFile(new_record_path(output, row.name, started_at), record)
    try:
        _measure(row, metrics, options, file, progress)
    except BaseException as error:
        status, reason = _how_ended(error)
        is_told = status == "not_run" and not isinstance(error, UsageError)
        try:
            file.end(status, reason)
        except RecordError:
            is_told = False
        if not is_told:
            raise
    return file


def _how_ended(error: BaseException) -> tuple[Status, str]:
    """Return what a record says of a run that was ended by an error, and why."""
    if isinstance(error, ZooError):
        return "not_run", str(error)
    if isinstance(error, OSError):
        return "not_run", explain_os_error(error)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", f"the run was interrupted by {name_of(error)}"
    return "error", f"an internal error: {type(error).__name__}: {error}"


def _measure(
    row: Row, names: Sequence[str], options: MeasureOptions, file: RecordFile, progress: Progress
) -> None:
    """Measure all asked-for numbers of a row and complete its record."""
    task = TASKS[row.task]
    asked = [METRICS[name] for name in names]
    lacking = {
        metric.name: f"this version does not measure {metric.name}"
        for metric in asked
        if metric.protocol is None or not task.measures(metric)
    }
    if len(lacking) == len(names):
        raise PrerequisiteError("; ".join(lacking.values()))
    file.update(not_run=lacking)
    counted = [_counted(row, metric) for metric in asked if metric.protocol in task.counts]
    if counted:
        file.update(environment=describe_environment(torch_variables()), measurements=counted)
    seen = [metric for metric in asked if metric.protocol in task.protocols]
    if seen:
        samples = options.images_of(row, progress)
        from hrnet_zoo.runs.images import Images  # noqa: PLC0415 - torch takes seconds

        file.update(environment=describe_environment(torch_variables()))
        Images(row, seen, samples, options, file, progress).measure()
    else:
        file.end("completed")


def _counted(row: Row, metric: Metric) -> Measurement:
    """Return a number of the network itself, which needs neither data nor weights."""
    assert metric.protocol is not None
    assert metric.value_of is not None
    count = TASKS[row.task].networks.count(row.setup, metric.protocol)
    value, convention = metric.value_of(count), count.conventions[metric.name]
    return Measurement(metric=metric.name, value=value, convention=convention)


def look_ahead(
    asked: Sequence[tuple[Row, Sequence[str]]], options: MeasureOptions, progress: Progress
) -> None:
    """Say at once which of the later rows lack data: their turn may be hours away.

    Args:
        asked: rows in their order, each with the metrics that it is to be verified by.
        options: which images to evaluate.
        progress: told about rows whose accuracies will not be measured.
    """
    rows_of: dict[tuple[str, int], list[Row]] = {}
    for row, metrics in asked:
        if any(METRICS[name].protocol in TASKS[row.task].protocols for name in metrics):
            key = (row.setup.dataset, row.setup.num_images)
            rows_of.setdefault(key, []).append(row)
    for rows in [*rows_of.values()][1:]:  # the first ones say so themselves now
        names = and_more([row.name for row in rows], _NAMED)
        try:
            options.images_of(rows[0], Silent())
        except ZooError as error:
            progress.say(f"{names} will get no accuracy: {error}")
        except OSError as error:
            progress.say(f"{names} will get no accuracy: {explain_os_error(error)}")
