"""hrnet-zoo fps: whether documented speeds fit those measured on another machine."""

from __future__ import annotations

from pathlib import Path

import click

from hrnet_zoo.cli.options import format_option, zoo_option


@click.command()
@click.argument("measured", type=click.Path(path_type=Path))
@format_option("text", "json")
@zoo_option
def fps(measured: Path, form: str, zoo_file: Path | None) -> int:
    """Judge documented fps by times measured here.

    MEASURED is a JSON array of {"name": ROW, "seconds_per_image": SECONDS}, all from one machine
    and one protocol (batch 1); "multiply_adds" of an image may be added. A row is consistent if it
    differs from what the other rows of its README imply by no more than these do among themselves.
    At least three rows of its table must be timed, and enough rows to tell the noise by; three
    tables of three are enough.

    Exit code: 0 all rows consistent, 1 an outlier, 3 too few rows or unknown names.
    """
    from hrnet_zoo.fps.measured import read_measured, timed_rows  # noqa: PLC0415
    from hrnet_zoo.fps.verdicts import (  # noqa: PLC0415
        exit_code,
        fit_documented_machines,
        judge_fps,
    )
    from hrnet_zoo.manifest import load_zoo  # noqa: PLC0415
    from hrnet_zoo.report.fps import fps_as_json, fps_as_text  # noqa: PLC0415

    rows, undocumented = timed_rows(load_zoo(zoo_file), read_measured(measured))
    judgements = judge_fps(rows)
    if form == "json":
        click.echo(fps_as_json(judgements, undocumented))
    else:
        click.echo(fps_as_text(judgements, undocumented, fit_documented_machines(rows)))
    return exit_code(judgements)
