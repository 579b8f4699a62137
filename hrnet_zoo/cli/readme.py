"""hrnet-zoo readme: bring the results tables of a README up to date, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import format_option, zoo_option
from hrnet_zoo.cli.verify import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from hrnet_zoo.readme.plan import Columns
    from hrnet_zoo.verdicts.latest import Measured
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Replace the file, unless nothing changes.")
@click.option("--check", is_flag=True, help="Name every change; exit with 1 if there is one.")
@click.option("--diff", is_flag=True, help="Print the changes as a patch: the default.")
@click.option(
    "--columns",
    type=click.Choice(["documented", "measured", "both"]),
    default="documented",
    show_default=True,
    help="Numbers of the manifest, numbers measured, or the former with columns for the latter.",
)
@click.option(
    "--records",
    "records_dir",
    type=click.Path(path_type=Path),
    help=f"Folder of records.  [default: {DEFAULT_OUTPUT}, if there is one]",
)
@format_option("text", "json")
@zoo_option
def readme(
    file: Path,
    write: bool,
    check: bool,
    diff: bool,
    columns: Columns,
    records_dir: Path | None,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Update a README's results tables in place.

    Only cells whose value differs are rewritten; everything else keeps every byte. Exit codes: 0, 1
    if --check found a change, 3 if a line of a results table is not a row of the zoo.
    """
    from hrnet_zoo.readme import shown  # noqa: PLC0415
    from hrnet_zoo.readme.files import read_text, write_text  # noqa: PLC0415
    from hrnet_zoo.readme.update import update_readme  # noqa: PLC0415
    from hrnet_zoo.zoo.manifest import load_zoo  # noqa: PLC0415

    if write + check + diff > 1:
        msg = "--write, --check and --diff exclude each other."
        raise click.UsageError(msg)
    zoo = load_zoo(zoo_file)
    measured = {} if columns == "documented" else _measured(zoo, records_dir)
    name = str(file)
    update = update_readme(read_text(file), zoo, measured, columns, name)
    written = write and update.new != update.old
    if written:
        write_text(file, update.new)
    if form == "json":
        click.echo(shown.update_as_json(update, name, columns, written=written))
    elif check or write:
        click.echo("".join(f"{line}\n" for line in shown.changes_as_text(update, name)), nl=False)
    else:
        patched = file.name if file.is_absolute() else file.as_posix()
        click.echo(shown.unified_diff(update, patched), nl=False)
    for remark in shown.remarks(update, name, columns):
        click.echo(remark, err=True)
    click.echo(shown.summary(update, name, written=written), err=True)
    if check and update.changes:
        return 1
    return 3 if update.unknown else 0


def _measured(zoo: Zoo, records_dir: Path | None) -> Measured:
    from hrnet_zoo.records.accuracy import AccuracyRecord  # noqa: PLC0415
    from hrnet_zoo.records.folder import read_records  # noqa: PLC0415
    from hrnet_zoo.verdicts.latest import latest_judgements  # noqa: PLC0415

    if records_dir is not None and not records_dir.is_dir():
        msg = f"There is no folder {records_dir}; --records takes the folder that verify wrote to."
        raise click.UsageError(msg)
    return latest_judgements(zoo, read_records(records_dir or DEFAULT_OUTPUT, AccuracyRecord))
