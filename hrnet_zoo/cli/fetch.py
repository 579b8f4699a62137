"""hrnet-zoo fetch: download checkpoints into the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import fetch_options, format_option, rows_or_all_options
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import Row
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@rows_or_all_options
@fetch_options
@format_option("text", "json")
def fetch(zoo: Zoo, rows: list[Row], all_rows: bool, fetch: FetchOptions, form: str) -> int:
    """Fetch checkpoints; their hashes are checked.

    With --all, rows that link none are left out.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.errors import CheckpointError
    from hrnet_zoo.report.text import to_json
    from hrnet_zoo.zoo.checkpoint import fetch_row

    linked = [row for row in rows if row.checkpoint_url is not None] if all_rows else rows
    if all_rows and (without := len(zoo.rows) - len(linked)):
        lack = "link no checkpoint" if rows[0].edition == "readme" else "have no later edition"
        echo(f"{without} rows {lack} and are left out", err=True)
    results = []
    for row in linked:
        result = dict.fromkeys(("name", "path", "sha256", "size_bytes", "error"))
        try:
            with show_progress() as progress:
                file = fetch_row(row, zoo.path.parent, fetch, progress)
            found = {"path": file.path, "sha256": file.sha256, "size_bytes": file.size_bytes}
        except CheckpointError as error:  # the other rows go on
            found = {"error": str(error)}
        results.append(result | {"name": row.name} | found)
        if form == "text":
            echo(f"{row.name}: {found.get('error') or found['path']}", err="error" in found)
    if form == "json":
        echo(to_json(results))
    return 0 if all(result["error"] is None for result in results) else 3
