"""hrnet-zoo list: all rows, or those that fit."""

from __future__ import annotations

from pathlib import Path

import click

from hrnet_zoo.cli.options import format_option, zoo_option


@click.command("list")
@click.option("--task", help="segmentation or detection.")
@click.option("--dataset", help="Data set, e.g. cityscapes or coco.")
@click.option("--method", help='Method as printed, e.g. FCN or "Mask R-CNN".')
@format_option("table", "json", "csv")
@zoo_option
def list_rows(
    task: str | None, dataset: str | None, method: str | None, form: str, zoo_file: Path | None
) -> None:
    """List the documented rows with their numbers."""
    from hrnet_zoo.report.rows import rows_as_csv, rows_as_json, rows_as_text
    from hrnet_zoo.zoo.manifest import load_zoo

    render = {"table": rows_as_text, "json": rows_as_json, "csv": rows_as_csv}[form]
    click.echo(render(load_zoo(zoo_file).select(task=task, dataset=dataset, method=method)))
