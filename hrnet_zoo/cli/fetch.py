"""hrnet-zoo fetch: download checkpoints into the cache."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import edition_option, fetch_options, format_option, zoo_option

if TYPE_CHECKING:
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import EditionName, Row


@click.command()
@click.argument("names", nargs=-1, metavar="NAME...")
@click.option("--all", "all_rows", is_flag=True, help="Fetch every row that links a checkpoint.")
@edition_option
@fetch_options
@format_option("text", "json")
@zoo_option
def fetch(
    names: tuple[str, ...],
    all_rows: bool,
    edition: EditionName,
    mirror: str | None,
    offline: bool,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Fetch checkpoints; their hashes are checked."""
    from hrnet_zoo import settings
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.manifest import load_zoo

    if bool(names) == all_rows:
        msg = "Give the names of rows, or --all."
        raise click.UsageError(msg)
    zoo = load_zoo(zoo_file)
    rows = [zoo.row(name, edition) for name in names]
    if all_rows:
        rows = zoo.rows_with_checkpoint(edition)
        without = len(zoo.rows) - len(rows)
        if without:
            lack = "link no checkpoint" if edition == "readme" else "have no later edition"
            click.echo(f"{without} rows {lack} and are left out", err=True)
    options = FetchOptions(cache_dir=settings.cache_dir(), mirror=mirror, offline=offline)
    results = []
    for row in rows:
        with show_progress() as progress:
            results.append(_fetch(row, zoo.path.parent, options, progress))
        if form == "text":
            failed = results[-1]["error"] is not None
            text = f"{row.name}: {results[-1]['error' if failed else 'path']}"
            click.echo(text, err=failed)
    if form == "json":
        click.echo(json.dumps(results, indent=2))
    return 0 if all(result["error"] is None for result in results) else 3


def _fetch(
    row: Row, manifest_dir: Path, options: FetchOptions, progress: Progress
) -> dict[str, object]:
    """Fetch one row; a failure is part of the result, so that the other rows go on."""
    from hrnet_zoo.errors import CheckpointError
    from hrnet_zoo.zoo.checkpoint import fetch_row

    result: dict[str, object] = dict.fromkeys(("name", "path", "sha256", "size_bytes", "error"))
    result["name"] = row.name
    try:
        file = fetch_row(row, manifest_dir, options, progress)
    except CheckpointError as error:
        return result | {"error": str(error)}
    return result | {"path": str(file.path), "sha256": file.sha256, "size_bytes": file.size_bytes}
