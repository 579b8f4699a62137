"""hrnet-zoo list: all rows, or those that fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import format_option, loaded_zoo
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.zoo import Zoo


@click.command("list")
@click.option("--task", help="Kind of work, e.g. segmentation.")
@click.option("--dataset", help="Data set, e.g. cityscapes or coco.")
@click.option("--method", help='Method as printed, e.g. FCN or "Mask R-CNN".')
@format_option("table", "json", "csv")
@loaded_zoo
def list_rows(
    task: str | None, dataset: str | None, method: str | None, form: str, zoo: Zoo
) -> None:
    """List the documented rows with their numbers."""
    from hrnet_zoo.report.rows import rows_as_csv, rows_as_json, rows_as_text

    render = {"table": rows_as_text, "json": rows_as_json, "csv": rows_as_csv}[form]
    echo(render(zoo.select(task=task, dataset=dataset, method=method)))
