"""hrnet-zoo data: what data sets should be like, whether they are, and making them ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    COUNT,
    FEW,
    PATH,
    Command,
    data_folder,
    data_options,
    format_option,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.settings import DataFolders


def workers_option(command: Command) -> Command:
    """Add --workers: of reading files, there is little to gain beyond a few."""
    return click.option(
        "--workers",
        type=FEW,
        default=lambda: min(8, os.cpu_count() or 1),
        show_default=False,
        help="Threads that read files; the result does not depend on it.",
    )(command)


@click.group()
def data() -> None:
    """Show, check and prepare data sets.

    NAME is a data set as "hrnet-zoo show" names it, e.g. cityscapes. Exit codes: 0 fine, 2 wrong
    usage, 3 something is missing or wrong.
    """


@data.command()
@click.argument("name")
@format_option("text", "json")
def show(name: str, form: str) -> None:
    """Show files, classes, origin and terms."""
    from hrnet_zoo.datasets import named
    from hrnet_zoo.report.data import dataset_as_json, dataset_as_text
    from hrnet_zoo.zoo.manifest import load_zoo

    dataset = named(name)
    rows = [row.name for row in load_zoo().rows if row.setup.dataset == name]
    render = dataset_as_json if form == "json" else dataset_as_text
    echo(render(dataset, rows))


@data.command()
@click.argument("name")
@data_options
@workers_option
@click.option(
    "--sample",
    type=COUNT,
    help="Read only N pairs, always the same ones; count the others.",
)
@format_option("text", "json")
def check(
    name: str,
    data_folders: DataFolders,
    workers: int,
    sample: int | None,
    form: str,
) -> int:
    """Count, pair and read the files of a data set."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.datasets import named
    from hrnet_zoo.datasets.checking import check as check_dataset
    from hrnet_zoo.errors import ZooError
    from hrnet_zoo.report.data import check_as_json, check_as_text

    dataset = named(name)
    folder = data_folder(name, dataset.root, data_folders)
    with show_progress() as progress:
        report = check_dataset(dataset, folder, workers=workers, sample=sample, progress=progress)
    echo(check_as_json(report) if form == "json" else check_as_text(dataset, report))
    return 0 if report.is_fine else ZooError.exit_code


@data.command()
@click.argument("name")
@click.option(
    "--source",
    type=PATH,
    required=True,
    help="Folder of the official download, zipped or unpacked; see data show.",
)
@click.option(
    "--data-root",
    type=PATH,
    required=True,
    help="Folder that holds the data sets' folders; written to.",
)
@click.option(
    "--split",
    "splits",
    type=click.Choice(["val", "train"]),
    multiple=True,
    default=["val"],
    help="What to prepare; may be repeated. Verifying needs val only.",
)
@workers_option
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@format_option("text", "json")
def prepare(
    name: str,
    source: Path,
    data_root: Path,
    splits: tuple[str, ...],
    workers: int,
    overwrite: bool,
    form: str,
) -> int:
    """Make official downloads ready."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.datasets import named
    from hrnet_zoo.datasets.prepare.preparing import prepare as prepare_dataset
    from hrnet_zoo.errors import ZooError
    from hrnet_zoo.report.data import prepared_as_json, prepared_as_text

    dataset = named(name)
    with show_progress() as progress:
        summary = prepare_dataset(
            dataset,
            source,
            data_root,
            splits=tuple(dict.fromkeys(splits)),
            workers=workers,
            progress=progress,
            overwrite=overwrite,
        )
    echo(prepared_as_json(summary) if form == "json" else prepared_as_text(dataset, summary))
    return 0 if summary.is_complete else ZooError.exit_code
