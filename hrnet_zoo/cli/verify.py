"""hrnet-zoo verify: measure rows and hold them against the documented numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hrnet_zoo.cli.options import (
    PATH,
    coco_backend_option,
    data_options,
    devices_option,
    engine_option,
    fetch_options,
    format_option,
    new_records_option,
    rows_options,
)

if TYPE_CHECKING:
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.tasks.detection.coco_ap import BackendChoice
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import Row
    from hrnet_zoo.zoo.zoo import Zoo

_LARGEST_TOLERANCE = 10


def parse_metrics(_ctx: click.Context, _param: click.Parameter, value: str | None) -> list[str]:
    """Split "miou,miou_ms_flip"; which metrics a row has is checked later, against the row."""
    return [name.strip() for name in value.split(",") if name.strip()] if value else []


def parse_tolerance(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> Decimal | None:
    """Read the noise allowance without a detour through binary fractions."""
    if value is None:
        return None
    try:
        tolerance = Decimal(value)
    except InvalidOperation:
        tolerance = Decimal(-1)
    if not tolerance.is_finite() or not 0 <= tolerance <= _LARGEST_TOLERANCE:
        msg = (
            f'"{value}" is not an allowance in points from 0 to {_LARGEST_TOLERANCE}, such as 0.10.'
        )
        raise click.BadParameter(msg)
    return tolerance


@click.command()
@rows_options
@data_options
@click.option(
    "--checkpoint",
    type=PATH,
    help="A file to evaluate instead of the published one; one NAME only.",
)
@devices_option
@engine_option
@click.option(
    "--metrics",
    metavar="M,M,...",
    callback=parse_metrics,
    help="Numbers of the row to verify, e.g. miou,miou_ms_flip.  [default: its "
    "accuracies at one scale, and its sizes]",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Evaluate only a random part of N images; no accuracy is a match then.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    help="Which random part --limit takes; the record says it.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Evaluate what is there of an incomplete data set; no accuracy is a match then.",
)
@click.option(
    "--workers",
    "num_workers",
    type=click.IntRange(min=1),
    help="Threads that decode images for each device, for the same result.  [default: as many as "
    "keep up, or a fair share for several devices]",
)
@click.option(
    "--no-graphs",
    "graphs",
    flag_value=False,
    default=True,
    show_default=False,
    help="On a GPU, launch every kernel anew instead of replaying those of frequent image sizes, "
    "for the same result.",
)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=0,
    show_default=False,
    help="Save pictures of the N images that a network did worst on, beside the record.",
)
@click.option(
    "--tolerance",
    callback=parse_tolerance,
    help="Allowance in points, on top of the rounding of the printed number; the default is the "
    "metric's own: 0.04 for Top-1 and Top-5, 0.10 for other accuracies.",
)
@new_records_option
@click.option(
    "--profile",
    type=PATH,
    metavar="FILE",
    help="Write a trace of eight images in Chrome's format; one NAME only.",
)
@click.option(
    "--save-results",
    type=PATH,
    metavar="FILE",
    help="Write all detections in COCO's results format; one NAME only.",
)
@coco_backend_option
@fetch_options
@format_option("text", "json")
def verify(
    zoo: Zoo,
    rows: list[Row],
    fetch: FetchOptions,
    data_folders: DataFolders,
    metrics: list[str],
    tolerance: Decimal | None,
    output: Path,
    save_results: Path | None,
    coco_backend: BackendChoice,
    form: str,
    **given: Any,  # noqa: ANN401 - options by the names that MeasureOptions has for them
) -> int:
    """Hold rows against their documented numbers."""
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.tasks import TASKS
    from hrnet_zoo.tasks.options import ScoreOptions

    asked = [(row, zoo.metrics_of(row, metrics)) for row in rows]
    _refuse_without_images(asked, given)
    row, task = rows[0], TASKS[rows[0].task]
    if save_results is not None and not task.saves_results:
        msg = f"--save-results is for detections; {row.name} {task.does}."
        raise click.UsageError(msg)

    options = MeasureOptions(
        fetch=fetch,
        manifest_dir=zoo.path.parent,
        data_folders=data_folders,
        score=ScoreOptions(coco_backend=coco_backend),
        save_results=save_results,
        **given,
    )
    return verify_and_print(asked, options, output, tolerance, form)


def _refuse_without_images(
    asked: Sequence[tuple[Row, Sequence[str]]], given: Mapping[str, object]
) -> None:
    """Refuse options about weights and images where all numbers are of networks alone."""
    from hrnet_zoo.tasks import METRICS, TASKS

    names = {name for _, metrics in asked for name in metrics}
    needed = any(METRICS[n].protocol not in TASKS[row.task].counts for row, ns in asked for n in ns)
    of_images = ("checkpoint", "limit", "partial", "worst", "profile")
    unused = [f"--{name}" for name in of_images if given[name]]
    if unused and names and not needed:
        msg = (
            f"{', '.join(sorted(names))}: counted in the network alone, without weights or images, "
            f"so there is nothing for {', '.join(unused)} to do. Leave it out, or add an accuracy."
        )
        raise click.UsageError(msg)


def verify_and_print(
    asked: Sequence[tuple[Row, Sequence[str]]],
    options: MeasureOptions,
    output: Path,
    noise: Decimal | None,
    form: str,
) -> int:
    """Verify rows one after the other, print each verdict, and return the exit code."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.judgements import as_json, as_text, judge_outcome
    from hrnet_zoo.runs.verify import look_ahead, verify_row
    from hrnet_zoo.system.host_memory import keep_freed_memory
    from hrnet_zoo.verdicts.accuracy import MISMATCHES, exit_code

    keep_freed_memory()
    with show_progress() as progress:
        look_ahead(asked, options, progress)
    results = []
    for row, metrics in asked:
        with show_progress() as progress:
            outcome = verify_row(row, metrics, options, output, progress)
        results.append(judge_outcome(row, outcome.record, outcome.path, metrics, noise))
        if form == "text":
            click.echo(as_text(results[-1]))
    if any(result.record.status == "not_run" for result in results):
        click.echo('"hrnet-zoo doctor" tells what this machine has and lacks', err=True)
    wrong = (r.row for r in results if any(j.verdict in MISMATCHES for j in r.judgements))
    for row in wrong:
        click.echo(f'"hrnet-zoo explain {row.name}" looks for the cause', err=True)
    if form == "json":
        click.echo(as_json(results))
    return exit_code(judgement for result in results for judgement in result.judgements)
