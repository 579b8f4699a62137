"""hrnet-zoo show: everything the manifest knows about one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import format_option, loaded_zoo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("name")
@format_option("text", "json")
@loaded_zoo
def show(name: str, form: str, zoo: Zoo) -> None:
    """Show one row: quotation, reading, size."""
    from hrnet_zoo.report.rows import row_as_json, row_as_text

    row = zoo.row(name)
    click.echo(row_as_json(row) if form == "json" else row_as_text(zoo, row))
