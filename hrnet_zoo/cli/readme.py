"""hrnet-zoo readme: bring the results tables of a README up to date, cell by cell."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, format_option, records_option, zoo_option
from hrnet_zoo.cli.report import measured_in
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.readme.editions import WantedEdition
    from hrnet_zoo.readme.update import Change, Columns, Update


@click.command()
@click.argument("file", type=PATH)
@click.option("--write", is_flag=True, help="Replace the file, unless nothing changes.")
@click.option("--check", is_flag=True, help="Name every change; exit with 1 if there is one.")
@click.option("--diff", is_flag=True, help="Print the changes as a patch: the default.")
@click.option(
    "--columns",
    type=click.Choice(["documented", "measured", "both"]),
    default="documented",
    help="Numbers of the manifest, numbers measured, or the former with columns for the latter.",
)
@click.option(
    "--edition",
    type=click.Choice(["readme", "later", "auto"]),
    default="auto",
    help="The README's numbers, those published later, or those that each line is of: the default.",
)
@records_option
@format_option("text", "json")
@zoo_option
def readme(
    file: Path,
    write: bool,
    check: bool,
    diff: bool,
    columns: Columns,
    edition: WantedEdition,
    folder: Path,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Update a README's results tables in place.

    Only cells whose value differs are rewritten; everything else keeps every byte. A number of no
    edition stays and is named, unless --edition says whose replaces it. Exit codes: 0, 1 if --check
    found a change, 3 if a number stays or a line of a results table is not a row of the zoo.
    """
    from hrnet_zoo.readme.text import read_text, write_text
    from hrnet_zoo.readme.update import update_readme
    from hrnet_zoo.zoo.manifest import load_zoo

    if write + check + diff > 1:
        msg = "--write, --check and --diff exclude each other."
        raise click.UsageError(msg)
    if columns == "measured" and edition != "auto":
        msg = "--edition is about documented numbers, and --columns measured writes none."
        raise click.UsageError(msg)
    zoo = load_zoo(zoo_file)
    measured = {} if columns == "documented" else measured_in(zoo, folder)
    name = str(file)
    update = update_readme(read_text(file), zoo, measured, columns, name, edition)
    written = write and update.new != update.old
    if written:
        write_text(file, update.new)
    if form == "json":
        echo(_as_json(update, name, columns, edition, written=written))
    elif check or write:
        for change in update.changes:
            echo(f"{name}:{change.line}: {_describe(change)}")
    else:
        patched = file.name if file.is_absolute() else file.as_posix()
        echo(_unified_diff(update, patched), end="")
    for unknown in update.unknown:
        echo(f"{name}:{unknown.line}: left as it is: {unknown.reason}.", err=True)
    if columns != "documented" and update.num_unmeasured:
        remark = (
            f"{update.num_unmeasured} of {update.num_documented} documented values have no full, "
            "comparable measurement; their cells stay as they are."
        )
        echo(remark, err=True)
    echo(_summary(update, name, written=written), err=True)
    if check and update.changes:
        return 1
    return 3 if update.unknown else 0


def _unified_diff(update: Update, name: str) -> str:
    """Return the difference as a patch; empty if there is none."""
    from hrnet_zoo.readme.markdown import split_lines

    old, new = split_lines(update.old), split_lines(update.new)
    return "".join(
        line if line.endswith(("\n", "\r")) else f"{line}\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    )


def _summary(update: Update, name: str, *, written: bool) -> str:
    """Return in one sentence what was found and done."""
    rows = f"{update.num_rows} rows in {update.num_tables} tables"
    if not update.changes:
        return f"{name}: {rows}; nothing to change"
    count = f"{len(update.changes)} change{'s' if len(update.changes) > 1 else ''}"
    return f"{name}: {rows}; {count} {'made' if written else 'to make'}"


def _as_json(
    update: Update, name: str, columns: Columns, edition: WantedEdition, *, written: bool
) -> str:
    from hrnet_zoo.report.text import to_json

    content = {
        "file": name,
        "columns": columns,
        "edition": edition,
        "written": written,
        "rows": update.num_rows,
        "changes": update.changes,
        "unknown": update.unknown,
        "documented_values": update.num_documented,
        "unmeasured_values": update.num_unmeasured,
    }
    return to_json(content)


def _describe(change: Change) -> str:
    if change.old is None:
        return f'column "{change.column}" is added, {change.new} filled'
    if change.new is None:
        return f'column "{change.column}" is removed, {change.old} filled'
    return f'{change.column} of {change.row}: "{change.old}" becomes "{change.new}"'
