"""hrnet-zoo show: everything the manifest knows about one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import format_option, loaded_zoo, lock_option
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from pathlib import Path

    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("name")
@format_option("text", "json")
@lock_option
@loaded_zoo
def show(name: str, form: str, lock: Path | None, zoo: Zoo) -> None:
    """Show one row: quotation, reading, size."""
    from hrnet_zoo.report.rows import row_as_json, row_as_text
    from hrnet_zoo.zoo.locks import lock_of, locked

    row, lock = zoo.row(name), lock_of(zoo.path.parent, lock)
    entries = {each.edition: locked(each, lock) for each in row.editions}
    echo(row_as_json(row, entries) if form == "json" else row_as_text(zoo, row, entries))
