"""hrnet-zoo data: what data sets should be like, whether they are, and making them ready."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import data_folder, data_options, format_option

if TYPE_CHECKING:
    from hrnet_zoo.datasets.layouts import DatasetLayout, DetectionLayout

_MAX_WORKERS = 8


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
    from hrnet_zoo.datasets.prepare.downloads import DOWNLOADS
    from hrnet_zoo.report.data import dataset_as_json, dataset_as_text
    from hrnet_zoo.zoo.manifest import load_zoo

    _layout(name)
    rows = [row.name for row in load_zoo().rows if row.setup.dataset == name]
    render = dataset_as_json if form == "json" else dataset_as_text
    click.echo(render(name, rows, DOWNLOADS.get(name)))


@data.command()
@click.argument("name")
@data_options
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Threads that read files; the result does not depend on it.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help="Read only N pairs, always the same ones; count the others.",
)
@format_option("text", "json")
def check(
    name: str,
    data_root: Path | None,
    data: dict[str, Path],
    workers: int | None,
    sample: int | None,
    form: str,
) -> int:
    """Count, pair and read the files of a data set."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.datasets.check import check_dataset
    from hrnet_zoo.datasets.check_coco import check_detection
    from hrnet_zoo.datasets.layouts import DETECTION_DATASETS
    from hrnet_zoo.errors import ZooError
    from hrnet_zoo.report.data import check_as_json, check_as_text

    layout = _layout(name)
    for other in data:
        _layout(other)
    folder = data_folder(name, layout.root, data_root, data)
    check_one = check_detection if name in DETECTION_DATASETS else check_dataset
    with show_progress() as progress:
        report = check_one(
            name, folder, workers=_workers(workers), sample=sample, progress=progress
        )
    click.echo(check_as_json(report) if form == "json" else check_as_text(report))
    return 0 if report.is_fine else ZooError.exit_code


@data.command()
@click.argument("name")
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the official download, zipped or unpacked; see data show.",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder that holds the data sets' folders; written to.",
)
@click.option(
    "--split",
    "splits",
    type=click.Choice(["val", "train"]),
    multiple=True,
    default=["val"],
    show_default=True,
    help="What to prepare; may be repeated. Verifying needs val only.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Threads; the files do not depend on it.",
)
@click.option("--overwrite", is_flag=True, help="Replace files that hold something else.")
@format_option("text", "json")
def prepare(
    name: str,
    source: Path,
    data_root: Path,
    splits: tuple[str, ...],
    workers: int | None,
    overwrite: bool,
    form: str,
) -> None:
    """Make official downloads ready."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.datasets.prepare import prepare as prepare_dataset
    from hrnet_zoo.report.data import prepared_as_json, prepared_as_text

    _layout(name)
    with show_progress() as progress:
        summary = prepare_dataset(
            name,
            source,
            data_root,
            splits=tuple(dict.fromkeys(splits)),
            workers=_workers(workers),
            progress=progress,
            overwrite=overwrite,
        )
    click.echo(prepared_as_json(summary) if form == "json" else prepared_as_text(summary))


def _layout(name: str) -> DatasetLayout | DetectionLayout:
    """Return the layout of a data set, or explain which there are."""
    from hrnet_zoo.datasets.layouts import dataset_names, layout_of
    from hrnet_zoo.errors import UsageError, did_you_mean

    names = dataset_names()
    if name not in names:
        close = did_you_mean(name, names)
        msg = f'No data set is called "{name}".{close} There are: {", ".join(names)}.'
        raise UsageError(msg)
    return layout_of(name)


def _workers(given: int | None) -> int:
    return given or min(_MAX_WORKERS, os.cpu_count() or 1)
