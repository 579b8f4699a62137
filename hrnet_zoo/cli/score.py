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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hrnet_zoo.datasets.coco_instances import CocoInstances
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.tasks.detection.coco_ap import BackendChoice, Entry, ProtocolName
    from hrnet_zoo.tasks.detection.metrics import Kind


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
    from hrnet_zoo.datasets.coco_results import read_results
    from hrnet_zoo.datasets.inventory import ProblemKind
    from hrnet_zoo.report.scores import scores_as_json, scores_as_text
    from hrnet_zoo.tasks.detection.coco_ap import score_detections

    expected = _data_set(dataset)
    found = expected.inventory(data_folder(dataset, expected.root, data_folders))
    # Boxes are scored whatever the masks are, as by pycocotools; images are not looked at.
    found.require_usable(expected.title, harmless=(ProblemKind.MISSING_IMAGE, ProblemKind.MASKS))
    truth = found.ground_truth
    entries = read_results(results, truth, with_masks=kind != "bbox" and found.has_masks)
    kinds = _kinds(kind, entries)
    if "segm" in kinds:
        advice = "Boxes alone are scored with --kind bbox."
        found.require_usable(expected.title, harmless=(ProblemKind.MISSING_IMAGE,), advice=advice)
    image_ids = [image.id for image in found.images]
    runs = {
        one: score_detections(
            truth, entries, one, image_ids=image_ids, protocol=protocol, backend=coco_backend
        )
        for one in kinds
    }
    for remark in dict.fromkeys(remark for run in runs.values() for remark in run.scoring.remarks):
        click.echo(remark, err=True)
    render = scores_as_json if form == "json" else scores_as_text
    click.echo(render(expected, len(image_ids), len(entries), protocol, runs))


def _data_set(name: str) -> CocoInstances:
    from hrnet_zoo.datasets import of_kind
    from hrnet_zoo.datasets.coco_instances import CocoInstances
    from hrnet_zoo.errors import UsageError

    known = of_kind(CocoInstances)
    if name not in known:
        msg = f'"{name}" is not a detection data set. There are: {", ".join(known)}.'
        raise UsageError(msg)
    return known[name]


def _kinds(asked: str, entries: Sequence[Entry]) -> list[Kind]:
    """Return what to score: as asked for, or all that results and annotations have.

    Args:
        asked: bbox, segm or auto.
        entries: results, with masks only if the annotations have some, too.
    """
    from hrnet_zoo.datasets.coco_results import has_masks
    from hrnet_zoo.errors import UsageError

    there: list[Kind] = ["bbox"] if not entries or "bbox" in entries[0] else []
    if has_masks(entries):
        there.append("segm")
    chosen: list[Kind] = [kind for kind in there if asked in ("auto", kind)]
    if not chosen:
        what = "boxes" if asked == "bbox" else "masks"
        advice = "Write boxes into the results, too." if asked == "auto" else "Leave --kind out."
        msg = f"Results and annotations do not both have {what}. {advice}"
        raise UsageError(msg)
    return chosen
