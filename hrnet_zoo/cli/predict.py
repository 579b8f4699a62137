"""hrnet-zoo predict: what a row's network sees in images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    PATH,
    Finite,
    device_option,
    edition_option,
    engine_option,
    fetch_options,
    format_option,
    loaded_zoo,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.records.accuracy import EngineChoice
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("name")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@edition_option
@click.option(
    "--protocol",
    type=click.Choice(["single", "ms_flip"]),
    default="single",
    help="Segmentation: one scale, or six scales, each also mirrored.",
)
@click.option(
    "--score-threshold",
    type=Finite(0, 1),
    default=0.3,
    help="Detection: leave out what scores this or less.",
)
@click.option(
    "--out",
    type=PATH,
    default=Path("predictions"),
    help="Folder for the pictures, and the label maps or detections.",
)
@click.option(
    "--alpha",
    type=Finite(0, 1),
    default=0.5,
    help="Share of the colours of classes or masks in the picture.",
)
@click.option(
    "--checkpoint",
    type=PATH,
    help="A file to use instead of the published one.",
)
@device_option
@engine_option
@fetch_options
@format_option("text", "json")
@loaded_zoo
def predict(
    name: str,
    images: tuple[str, ...],
    edition: EditionName,
    protocol: str,
    score_threshold: float,
    out: Path,
    alpha: float,
    checkpoint: Path | None,
    device: str,
    engine: EngineChoice,
    fetch: FetchOptions,
    form: str,
    zoo: Zoo,
) -> int:
    """See what a row's network sees in images.

    IMAGE is a file, a folder, or a pattern such as "street/*.jpg".
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.text import to_json
    from hrnet_zoo.system.host_memory import keep_freed_memory
    from hrnet_zoo.system.image_files import find_images
    from hrnet_zoo.tasks import TASKS
    from hrnet_zoo.tasks.options import LookOptions

    row = zoo.row(name, edition)
    found = find_images(images)
    task = TASKS[row.task]
    if protocol not in task.protocols:
        known = ", ".join(task.protocols)
        msg = f"{row.name} {task.does} with the protocol {known} only, not with {protocol}."
        raise click.UsageError(msg)

    from hrnet_zoo.runs.engine import EngineWish  # imports torch
    from hrnet_zoo.runs.load import load_predictor
    from hrnet_zoo.tasks.predictor import see_images

    keep_freed_memory()
    with show_progress() as progress:
        predictor = load_predictor(
            row,
            zoo.path.parent,
            checkpoint=checkpoint,
            device=device,
            engine=EngineWish(choice=engine, images=[image.path for image in found]),
            fetch=fetch,
            progress=progress,
        )
        look = LookOptions(
            folder=out, protocol=protocol, score_threshold=score_threshold, alpha=alpha
        )
        seen = see_images(predictor, found, look, progress)
    if form == "json":
        echo(to_json([item.as_dict() for item in seen]))
    for item in seen if form == "text" else ():
        echo(item.as_text(), err=item.error is not None)
    return 0 if all(item.error is None for item in seen) else 3
