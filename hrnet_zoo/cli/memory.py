"""hrnet-zoo memory: training memory against the documented one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import device_option, edition_option, format_option, zoo_option
from hrnet_zoo.cli.verify import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from hrnet_zoo.zoo.row import EditionName


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "all_rows", is_flag=True, help="All rows of the manifest.")
@edition_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=DEFAULT_OUTPUT,
    show_default=True,
    help="Folder for the records.",
)
@device_option
@format_option("text", "json")
@zoo_option
def memory(
    names: tuple[str, ...],
    all_rows: bool,
    edition: EditionName,
    output: Path,
    device: str,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Hold training memory against the tables.

    One training step is predicted without computing anything, and on a GPU done for real as well.
    Exit codes: 0 all documented values are within the tolerance that is stated, 1 one is outside,
    3 there is none to compare with, or a row does not fit the GPU.
    """
    from hrnet_zoo.cli.progress import show_progress  # noqa: PLC0415
    from hrnet_zoo.zoo.manifest import load_zoo  # noqa: PLC0415

    if bool(names) == all_rows:
        msg = "Give the names of rows, or --all."
        raise click.UsageError(msg)
    zoo = load_zoo(zoo_file)
    rows = [zoo.row(name, edition) for name in dict.fromkeys(names)]
    if all_rows:
        kept = [row for row in zoo.rows if edition == "readme" or row.later is not None]
        rows = [row.in_edition(edition) for row in kept]

    from hrnet_zoo.report.memory import (  # noqa: PLC0415
        RowMemory,
        memory_as_json,
        memory_as_text,
        memory_exit_code,
    )
    from hrnet_zoo.runs.memory import memory_of  # noqa: PLC0415 - imports torch

    with show_progress() as progress:
        found = list(memory_of(rows, device, output, progress))
    results = [
        RowMemory(row=row, record=record, path=path)
        for row, (record, path) in zip(rows, found, strict=True)
    ]
    click.echo(memory_as_json(results) if form == "json" else memory_as_text(results))
    return memory_exit_code(results)
