"""From a row to a record: the run's beginning and end, whatever happens in between.

It composes the other modules and decides nothing about numbers: that is verdicts.py's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.errors import UsageError, ZooError, explain_os_error
from hrnet_zoo.records.accuracy import AccuracyAsked, AccuracyRecord
from hrnet_zoo.records.files import RecordFile, new_record_path, now
from hrnet_zoo.runs.measure import measure
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.system.environment import describe_environment
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run and the file its record is in."""

    record: AccuracyRecord
    path: Path


def verify_row(
    row: Row, metrics: Sequence[str], options: MeasureOptions, output: Path, progress: Progress
) -> Outcome:
    """Measure the asked-for numbers of one row and write the record.

    The record says "started" before anything else happens, and is replaced when the run ends,
    however it ends. What could not be run is recorded with its reason, not raised. A run that was
    interrupted goes on where it stopped when it is started again with the same ``output``.

    Raises:
        RecordError: the record cannot be written.
        UsageError: an option makes no sense.
        KeyboardInterrupt: the user stopped the run; the record says so.
    """
    started_at = now()
    record = AccuracyRecord(
        row=row.name,
        edition=row.edition,
        status="started",
        started_at=started_at,
        asked=AccuracyAsked(
            metrics=list(metrics),
            own_checkpoint=options.checkpoint is not None,
            device=options.device,
            limit=options.limit,
            mirror=options.fetch.mirror is not None,
            offline=options.fetch.offline,
        ),
        environment=describe_environment(),
    )
    file = RecordFile(new_record_path(output, row.name, started_at), record)
    try:
        measure(row, metrics, options, file, progress)
    except ZooError as error:
        file.update(status="not_run", reason=str(error), finished_at=now())
        if isinstance(error, UsageError):
            raise
    except OSError as error:
        file.update(status="not_run", reason=explain_os_error(error), finished_at=now())
    except KeyboardInterrupt:
        file.update(status="interrupted", reason="the run was interrupted", finished_at=now())
        raise
    except BaseException as error:
        reason = f"an internal error: {type(error).__name__}: {error}"
        file.update(status="error", reason=reason, finished_at=now())
        raise
    return Outcome(record=file.record, path=file.path)
