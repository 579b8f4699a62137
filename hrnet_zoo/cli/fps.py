"""hrnet-zoo fps: whether documented speeds fit those measured on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, RECORDS, format_option, loaded_zoo
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.verdicts.fps.times import MeasuredTime
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("measured", required=False, type=PATH)
@click.option(
    "--records",
    "records_dir",
    type=PATH,
    help=f"Folder that time wrote to, instead of a file.  [default: {RECORDS}]",
)
@format_option("text", "json")
@loaded_zoo
def fps(measured: Path | None, records_dir: Path | None, form: str, zoo: Zoo) -> int:
    """Judge documented fps by times measured here.

    Without a file, each row's latest usable record of "hrnet-zoo time" is taken; of several
    machines, the one that was used last. MEASURED is a JSON array of {"name": ROW,
    "seconds_per_image": SECONDS}, all from one machine and one protocol (batch 1); "multiply_adds"
    of an image may be added. A row is consistent if it
    differs from what the other rows of its README imply by no more than these do among themselves.
    At least three rows of its table must be timed, and enough rows to tell the noise by; three
    tables of three are enough.

    Exit code: 0 no row is further out than one of so many sound rows may be, 1 one is, 3 too few
    rows or unknown names. Rows that are outliers by themselves are named.
    """
    if measured is not None and records_dir is not None:
        msg = "Give a file of measured times or --records, not both."
        raise click.UsageError(msg)

    from hrnet_zoo.report.fps import fps_as_json, fps_as_text
    from hrnet_zoo.verdicts.fps.judging import (
        exit_code,
        fit_documented_machines,
        judge_fps,
    )
    from hrnet_zoo.verdicts.fps.times import fps_rows, read_times

    times = read_times(measured) if measured else _from_records(records_dir or RECORDS)
    rows, undocumented = fps_rows(zoo, times)
    judgements = judge_fps(rows)
    if form == "json":
        echo(fps_as_json(judgements, undocumented))
    else:
        echo(fps_as_text(judgements, undocumented, fit_documented_machines(rows)))
    return exit_code(judgements)


def _from_records(folder: Path) -> Sequence[MeasuredTime]:
    """Return the times in a folder of records, and say what they are and what was left out."""
    from hrnet_zoo.errors import RecordError
    from hrnet_zoo.records.folder import read_records
    from hrnet_zoo.records.timing import TimingRecord
    from hrnet_zoo.verdicts.fps.times import latest_times

    found = latest_times(read_records(folder, TimingRecord))
    reasons = "; ".join(f"{reason} ({count})" for reason, count in found.unusable.items())
    reasons = f": {reasons}" if reasons else ""
    if found.machine is None:
        msg = (
            f"{folder} holds no usable record of documented times{reasons}. Time "
            'rows with "hrnet-zoo time", pass the folder it wrote to with --records, or give a '
            "file of measured times."
        )
        raise RecordError(msg)
    echo(f"times of {len(found.times)} rows in {folder}, on {found.machine}", err=True)
    for machine in found.other_machines:
        echo(f"left out, another machine: {machine}", err=True)
    if reasons:
        echo(f"records left out{reasons}", err=True)
    return found.times
