"""hrnet-zoo show: everything the manifest knows about one row."""

from __future__ import annotations

from pathlib import Path

import click

from hrnet_zoo.cli.options import format_option, zoo_option


@click.command()
@click.argument("name")
@format_option("text", "json")
@zoo_option
def show(name: str, form: str, zoo_file: Path | None) -> None:
    """Show one row: quotation, reading, size."""
    from hrnet_zoo.report.rows import row_as_json, row_as_text
    from hrnet_zoo.zoo.manifest import load_zoo

    zoo = load_zoo(zoo_file)
    row = zoo.row(name)
    click.echo(row_as_json(row) if form == "json" else row_as_text(zoo, row))
