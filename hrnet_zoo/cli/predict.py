"""hrnet-zoo predict: what a row's network sees in images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import device_option, fetch_options, format_option, zoo_option

if TYPE_CHECKING:
    from hrnet_zoo.records import ProtocolName


@click.command()
@click.argument("name")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--protocol",
    type=click.Choice(["single", "ms_flip"]),
    default="single",
    show_default=True,
    help="One scale, or six scales, each also mirrored.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("predictions"),
    show_default=True,
    help="Folder for the label maps and pictures.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Share of the class colours in the picture.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="A file to use instead of the published one.",
)
@device_option
@fetch_options
@format_option("text", "json")
@zoo_option
def predict(
    name: str,
    images: tuple[str, ...],
    protocol: ProtocolName,
    out: Path,
    alpha: float,
    checkpoint: Path | None,
    device: str,
    mirror: str | None,
    offline: bool,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Label the pixels of images; draw them.

    IMAGE is a file, a folder, or a pattern such as "street/*.jpg".
    """
    from hrnet_zoo import settings  # noqa: PLC0415
    from hrnet_zoo.cli.progress import show_progress  # noqa: PLC0415
    from hrnet_zoo.fetch import FetchOptions  # noqa: PLC0415
    from hrnet_zoo.manifest import load_zoo  # noqa: PLC0415

    zoo = load_zoo(zoo_file)
    row = zoo.row(name)

    from hrnet_zoo.image_files import find_images  # noqa: PLC0415
    from hrnet_zoo.labelling import label_images  # noqa: PLC0415 - imports torch
    from hrnet_zoo.predict import load_predictor  # noqa: PLC0415

    found = find_images(images)
    options = FetchOptions(cache_dir=settings.cache_dir(), mirror=mirror, offline=offline)
    with show_progress() as progress:
        predictor = load_predictor(
            row,
            zoo.path.parent,
            checkpoint=checkpoint,
            device=device,
            fetch=options,
            progress=progress,
        )
        labelled = label_images(
            predictor, found, out, protocol=protocol, alpha=alpha, progress=progress
        )
    if form == "json":
        click.echo(json.dumps([item.as_dict() for item in labelled], indent=2, ensure_ascii=False))
    for item in labelled if form == "text" else ():
        click.echo(item.as_text(), err=item.error is not None)
    return 0 if all(item.error is None for item in labelled) else 3
