"""hrnet-zoo score: COCO's figures of a results file, whichever tool wrote it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    PATH,
    coco_backend_option,
    data_folder,
    data_options,
    format_option,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.datasets.coco_instances import CocoInstances
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.tasks.detection.coco_ap import BackendChoice, ProtocolName


@click.command()
@click.argument("results", type=PATH)
@click.option("--dataset", required=True, metavar="NAME", help="A detection data set, e.g. coco.")
@data_options
@click.option(
    "--kind",
    type=click.Choice(["auto", "bbox", "segm"]),
    default="auto",
    help="Boxes or masks; auto is boxes, and masks where the file has them.",
)
@click.option(
    "--protocol",
    type=click.Choice(["coco", "mmdet"]),
    default="coco",
    help="Recall at 1, 10 and 100 detections, or at 100, 300 and 1000, as verify and upstream.",
)
@coco_backend_option
@format_option("text", "json")
def score(
    results: Path,
    dataset: str,
    data_folders: DataFolders,
    kind: str,
    protocol: ProtocolName,
    coco_backend: BackendChoice,
    form: str,
) -> None:
    """Score a COCO results file.

    RESULTS is a JSON file as COCO's evaluation takes it, written by any tool. All images of the
    data set count, those without results too. Printed are COCO's twelve figures, in percent;
    --protocol mmdet has recall with up to 1000 detections, as verify does.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.scores import scores_as_json, scores_as_text
    from hrnet_zoo.runs.score import Asked, score_apart

    expected = _data_set(dataset)
    asked = Asked(
        results=results,
        dataset=dataset,
        folder=data_folder(dataset, expected.root, data_folders),
        kind=kind,
        protocol=protocol,
        backend=coco_backend,
    )
    with show_progress() as progress:
        found = score_apart(asked, progress)
    render = scores_as_json if form == "json" else scores_as_text
    echo(render(expected, found.num_images, found.num_entries, protocol, found.runs))


def _data_set(name: str) -> CocoInstances:
    from hrnet_zoo.datasets import of_kind
    from hrnet_zoo.datasets.coco_instances import CocoInstances
    from hrnet_zoo.errors import UsageError

    known = of_kind(CocoInstances)
    if name not in known:
        msg = f'"{name}" is not a detection data set. There are: {", ".join(known)}.'
        raise UsageError(msg)
    return known[name]
