"""hrnet-zoo verify: measure rows and hold them against the documented numbers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import (
    coco_backend_option,
    data_options,
    device_option,
    edition_option,
    fetch_options,
    format_option,
    new_records_option,
    zoo_option,
)

if TYPE_CHECKING:
    from hrnet_zoo.runs.verify import MeasureOptions
    from hrnet_zoo.tasks.detection.coco_ap import BackendChoice
    from hrnet_zoo.zoo.row import EditionName, Row

_LARGEST_TOLERANCE = 10


def parse_metrics(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[str]:
    """Split "miou,miou_ms_flip"; which metrics a row has is checked later, against the row."""
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


def parse_tolerance(_ctx: click.Context, _param: click.Parameter, value: str) -> Decimal:
    """Read the noise allowance without a detour through binary fractions."""
    try:
        tolerance = Decimal(value)
    except InvalidOperation:
        tolerance = Decimal(-1)
    if not tolerance.is_finite() or not 0 <= tolerance <= _LARGEST_TOLERANCE:
        msg = f'"{value}" is no allowance in points from 0 to {_LARGEST_TOLERANCE}, such as 0.10.'
        raise click.BadParameter(msg)
    return tolerance


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@edition_option
@data_options
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    help="A file to evaluate instead of the published one; one NAME only.",
)
@device_option
@click.option(
    "--metrics",
    metavar="M,M,...",
    callback=parse_metrics,
    help="Numbers of the row to verify, e.g. miou,miou_ms_flip.  [default: miou, or the APs]",
)
@click.option("--limit", type=click.IntRange(min=1), help="Evaluate only the first N images.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Threads that decode images; the result does not depend on it.  [default: as it takes]",
)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=0,
    help="Save pictures of the N images with the lowest mIoU or AP beside the record.",
)
@click.option(
    "--tolerance",
    default="0.10",
    show_default=True,
    callback=parse_tolerance,
    help="Allowance in points, on top of the rounding of the printed number.",
)
@new_records_option
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a trace of eight images in Chrome's format; one NAME only.",
)
@click.option(
    "--save-results",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all detections in COCO's results format; one NAME only.",
)
@coco_backend_option
@fetch_options
@format_option("text", "json")
@zoo_option
def verify(
    names: tuple[str, ...],
    edition: EditionName,
    data_root: Path | None,
    data: dict[str, Path],
    checkpoint: Path | None,
    device: str,
    metrics: list[str],
    limit: int | None,
    workers: int | None,
    worst: int,
    tolerance: Decimal,
    output: Path,
    profile: Path | None,
    save_results: Path | None,
    coco_backend: BackendChoice,
    mirror: str | None,
    offline: bool,
    form: str,
    zoo_file: Path | None,
) -> int:
    """Hold rows against their documented numbers."""
    from hrnet_zoo import settings
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.manifest import load_zoo

    zoo = load_zoo(zoo_file)
    rows = [zoo.row(name, edition) for name in dict.fromkeys(names)]
    asked = [(row, zoo.metrics_of(row, metrics)) for row in rows]
    _check_single_files(asked, checkpoint=checkpoint, profile=profile, save_results=save_results)

    from hrnet_zoo.runs.verify import MeasureOptions  # imports torch
    from hrnet_zoo.tasks.options import ScoreOptions

    options = MeasureOptions(
        fetch=FetchOptions(cache_dir=settings.cache_dir(), mirror=mirror, offline=offline),
        manifest_dir=zoo.path.parent,
        data_folders=settings.data_folders(data_root, data),
        checkpoint=checkpoint,
        device=device,
        num_workers=workers,
        worst=worst,
        limit=limit,
        score=ScoreOptions(coco_backend=coco_backend),
        profile=profile,
        save_results=save_results,
    )
    return verify_and_print(asked, options, output, tolerance, form)


def _check_single_files(
    asked: Sequence[tuple[Row, Sequence[str]]],
    *,
    checkpoint: Path | None,
    profile: Path | None,
    save_results: Path | None,
) -> None:
    """Refuse one file for several rows, and detections of a row that detects nothing."""
    from hrnet_zoo.tasks import TASKS

    given = {"--checkpoint": checkpoint, "--profile": profile, "--save-results": save_results}
    for option, file in given.items():
        if file is not None and len(asked) > 1:
            msg = f"{option} is one file; give one NAME with it."
            raise click.UsageError(msg)
    row = asked[0][0]
    if save_results is not None and not TASKS[row.task].saves_results:
        msg = f"--save-results is for detections; {row.name} {TASKS[row.task].does}."
        raise click.UsageError(msg)


def verify_and_print(
    asked: Sequence[tuple[Row, Sequence[str]]],
    options: MeasureOptions,
    output: Path,
    noise: Decimal,
    form: str,
) -> int:
    """Verify rows one after the other, print each verdict, and return the exit code."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.judgements import as_json, as_text, judge_outcome
    from hrnet_zoo.runs.verify import verify_row
    from hrnet_zoo.system.host_memory import keep_freed_memory
    from hrnet_zoo.verdicts.accuracy import exit_code

    keep_freed_memory()
    results = []
    for row, metrics in asked:
        with show_progress() as progress:
            outcome = verify_row(row, metrics, options, output, progress)
        results.append(judge_outcome(row, outcome.record, outcome.path, metrics, noise))
        if form == "text":
            click.echo(as_text(results[-1]))
    if form == "json":
        click.echo(as_json(results))
    return exit_code(judgement for result in results for judgement in result.judgements)
