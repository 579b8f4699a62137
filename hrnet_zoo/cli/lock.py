"""hrnet-zoo lock: what checkpoints were when first fetched, and whether they still are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import edition_option, fetch_options, format_option, loaded_zoo
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.weights.lock import LockedFile
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import EditionName, Row
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all", "all_rows", is_flag=True, help="All rows that link a checkpoint.")
@click.option(
    "--check",
    is_flag=True,
    help="Fetch and write nothing: are these rows, or all, locked, and what is in the cache the "
    "locked files?  Exit code 1: a file or a link is another, 3: a row is not locked.",
)
@click.option("--update", is_flag=True, help="Fetch the files anew, and lock what comes.")
@edition_option
@fetch_options
@format_option("text", "json")
@loaded_zoo
def lock(
    zoo: Zoo,
    names: tuple[str, ...],
    *,
    all_rows: bool,
    check: bool,
    update: bool,
    edition: EditionName,
    fetch: FetchOptions,
    form: str,
) -> int:
    """Lock checkpoints: they must stay the same.

    Each command that uses a checkpoint for the first time writes its whole SHA-256 and its size
    into zoo.lock beside the manifest; commit that file. Afterwards, on any machine, another file is
    refused. This command does so beforehand for rows that are not locked yet, and prints what is
    locked.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.errors import CheckpointError
    from hrnet_zoo.report.text import to_json
    from hrnet_zoo.zoo.checkpoint import checked, fetch_anew, lock_row
    from hrnet_zoo.zoo.locks import lock_of

    if check and update:
        msg = "--check writes nothing, and --update does; give one of them."
        raise click.UsageError(msg)
    results, code = [], 0
    for row in _rows(zoo, names, edition, all_rows=all_rows, check=check):
        before = after = error = None
        try:
            if check:
                after = checked(row, zoo.path.parent, fetch)
                error = None if after else f"not locked in {lock_of(zoo.path.parent, fetch.lock)}"
            else:
                with show_progress() as progress:
                    act = fetch_anew if update else lock_row
                    before, after = act(row, zoo.path.parent, fetch, progress)
        except CheckpointError as failed:  # the other rows go on
            error = str(failed)
            code = 1 if check else code
        results.append({"name": row.name, "before": before, "locked": after, "error": error})
        if form == "text":
            echo(f"{row.name}: {error or _in_words(before, after)}", err=error is not None)
    if form == "json":
        echo(to_json(results))
    return code or (3 if any(result["error"] for result in results) else 0)


def _rows(
    zoo: Zoo, names: Sequence[str], edition: EditionName, *, all_rows: bool, check: bool
) -> list[Row]:
    if names and not all_rows:
        return [zoo.row(name, edition) for name in dict.fromkeys(names)]
    if names or not (all_rows or check):
        msg = "Give the names of rows, or --all; --check alone checks all."
        raise click.UsageError(msg)
    return [row for row in zoo.in_edition(edition) if row.checkpoint_url is not None]


def _in_words(before: LockedFile | None, after: LockedFile | None) -> str:
    assert after is not None
    now = f"SHA-256 {after.sha256}, {after.size_bytes} bytes, since {after.locked_on}"
    if before is None or before == after:
        return now
    if before.sha256 == after.sha256:
        return f"{now}; it is the same as before"
    return f"{now}; before, it was {before.sha256}, {before.size_bytes} bytes"
