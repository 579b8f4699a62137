"""hrnet-zoo verify: measure rows and hold them against the documented numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hrnet_zoo.cli.options import (
    COUNT,
    FEW,
    PATH,
    SEED,
    coco_backend_option,
    data_options,
    devices_option,
    engine_option,
    fetch_options,
    format_option,
    new_records_option,
    rows_options,
)
from hrnet_zoo.cli.terminal import echo

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
    type=COUNT,
    metavar="N",
    help="Evaluate only a random part of N images; no accuracy is a match then.",
)
@click.option(
    "--seed",
    type=SEED,
    default=0,
    help="Which random part --limit or --quick takes; the record says it.",
)
@click.option(
    "--quick",
    is_flag=True,
    help="Look at growing random parts, and stop once one refutes the documented value (exit code "
    "1). If none does, nothing is confirmed (exit code 3), and a full run goes on with them.",
)
@click.option(
    "--unchanged-since",
    type=PATH,
    metavar="RECORD",
    help="Compare with an earlier record image by image: exit code 0 if all are as they were, 1 if "
    "some are not, 3 if that cannot be told; one NAME only.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Evaluate what is there of an incomplete data set; no accuracy is a match then.",
)
@click.option(
    "--workers",
    "num_workers",
    type=FEW,
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
    type=click.IntRange(0, 10_000),
    default=0,
    show_default=False,
    help="Save pictures of the N images that a network did worst on, beside the record.",
)
@click.option(
    "--tolerance",
    callback=parse_tolerance,
    help="Allowance in points, on top of the rounding of the printed number.  [default: what the "
    "run itself measures that as right ways to compute make of its value]",
)
@click.option("-v", "--verbose", is_flag=True, help="Say what each tolerance consists of.")
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
@click.option(
    "--self-test",
    is_flag=True,
    help="Only compare with upstream's own answers on the images that ship with hrnet-zoo, which "
    "takes neither data nor weights; other runs do so first.",
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
    verbose: bool,
    output: Path,
    save_results: Path | None,
    self_test: bool,
    coco_backend: BackendChoice,
    form: str,
    unchanged_since: Path | None,
    **given: Any,  # noqa: ANN401 - options by the names that MeasureOptions has for them
) -> int:
    """Hold rows against their documented numbers."""
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.runs.unchanged import Earlier
    from hrnet_zoo.tasks import METRICS, TASKS
    from hrnet_zoo.tasks.options import ScoreOptions

    asked = [(row, zoo.metrics_of(row, metrics)) for row in rows]
    also = {"save_results": save_results, "unchanged_since": unchanged_since}
    _refuse_without_images(asked, given | also | {"self_test": self_test})
    _refuse_beside_quick(given | also)
    row, task = rows[0], TASKS[rows[0].task]
    if save_results is not None and not task.saves_results:
        msg = f"--save-results is for detections; {row.name} {task.does}."
        raise click.UsageError(msg)

    seen = [name for name in asked[0][1] if METRICS[name].protocol in task.protocols]
    options = MeasureOptions(
        fetch=fetch,
        manifest_dir=zoo.path.parent,
        data_folders=data_folders,
        score=ScoreOptions(coco_backend=coco_backend),
        save_results=save_results,
        tolerance=tolerance,
        earlier=Earlier(unchanged_since, row, seen) if unchanged_since else None,
        **given,
    )
    if self_test:
        _refuse_beside_self_test(given | also | {"tolerance": tolerance is not None})
        return _self_test(asked, options, form)
    return verify_and_print(asked, options, output, tolerance, form, verbose=verbose)


def _refuse_beside_self_test(given: Mapping[str, object]) -> None:
    of_data = ("checkpoint", "limit", "quick", "unchanged_since", "partial", "worst", "profile")
    unused = [_option(name) for name in (*of_data, "save_results", "tolerance") if given[name]]
    if unused:
        msg = (
            "--self-test looks at reference images alone, with weights that are made for it, so "
            f"there is nothing for {', '.join(unused)} to do. Leave out one or the other."
        )
        raise click.UsageError(msg)


def _self_test(
    asked: Sequence[tuple[Row, Sequence[str]]], options: MeasureOptions, form: str
) -> int:
    """Hold this installation against upstream's own answers, and print how far they agree."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.self_tests import SelfTested, as_json, as_text
    from hrnet_zoo.runs.self_test import held_against_upstream
    from hrnet_zoo.system.devices import resolve_devices
    from hrnet_zoo.tasks import METRICS, TASKS
    from hrnet_zoo.verdicts.self_test import exit_code

    results = []
    for row, names in asked:
        metrics = [METRICS[name] for name in names]
        with show_progress() as progress:
            devices = resolve_devices(options.device, progress)
            given = (row, metrics, devices, options, progress)
            found = held_against_upstream(*given, engine=options.engine, anew=True)
        results.append(SelfTested(row=row, found=found))
        if form == "text":
            echo(as_text(results[-1]))
    if form == "json":
        echo(as_json(results))
    return exit_code([(TASKS[each.row.task], each.found) for each in results])


def _refuse_without_images(
    asked: Sequence[tuple[Row, Sequence[str]]], given: Mapping[str, object]
) -> None:
    """Refuse options about weights and images where all numbers are of networks alone."""
    from hrnet_zoo.tasks import METRICS, TASKS

    names = {name for _, metrics in asked for name in metrics}
    needed = any(METRICS[n].protocol not in TASKS[row.task].counts for row, ns in asked for n in ns)
    of_images = ("checkpoint", "limit", "quick", "unchanged_since", "partial", "worst", "profile")
    unused = [_option(name) for name in (*of_images, "self_test") if given[name]]
    if unused and names and not needed:
        msg = (
            f"{', '.join(sorted(names))}: counted in the network alone, without weights or images, "
            f"so there is nothing for {', '.join(unused)} to do. Leave it out, or add an accuracy."
        )
        raise click.UsageError(msg)


def _refuse_beside_quick(given: Mapping[str, object]) -> None:
    """Refuse options that need images chosen otherwise, or all of them."""
    names = ("limit", "unchanged_since", "worst", "profile", "save_results")
    others = [_option(name) for name in names if given[name]]
    if given["quick"] and others:
        msg = (
            f"--quick takes its own images, and no more than it needs: leave out {others[0]}, or "
            "--quick."
        )
        raise click.UsageError(msg)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def verify_and_print(
    asked: Sequence[tuple[Row, Sequence[str]]],
    options: MeasureOptions,
    output: Path,
    noise: Decimal | None,
    form: str,
    *,
    verbose: bool = False,
) -> int:
    """Verify rows one after the other, print each verdict, and return the exit code."""
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.records.accuracy import AccuracyRecord
    from hrnet_zoo.records.files import read_record
    from hrnet_zoo.report.judgements import as_json, as_text, judge_outcome
    from hrnet_zoo.runs.verify import look_ahead, verify_row
    from hrnet_zoo.system.host_memory import keep_freed_memory
    from hrnet_zoo.verdicts.accuracy import MISMATCHES, exit_code
    from hrnet_zoo.verdicts.unchanged import EXIT_CODES, since

    keep_freed_memory()
    with show_progress() as progress:
        look_ahead(asked, options, progress)
    results = []
    for row, metrics in asked:
        with show_progress() as progress:
            path = verify_row(row, metrics, options, output, progress).path
        record = read_record(path)  # what is kept decides, not what was in memory
        assert isinstance(record, AccuracyRecord)
        results.append(judge_outcome(row, record, path, metrics, noise))
        if form == "text":
            echo(as_text(results[-1], verbose=verbose))
    if any(result.record.status == "not_run" for result in results):
        echo('"hrnet-zoo doctor" tells what this machine has and lacks', err=True)
    wrong = (r.row for r in results if any(j.verdict in MISMATCHES for j in r.judgements))
    for row in wrong:
        echo(f'"hrnet-zoo explain {row.name}" looks for the cause', err=True)
    if form == "json":
        echo(as_json(results))
    if options.earlier is not None:
        return EXIT_CODES[since(results[0].record)]  # the question was not what is documented
    return exit_code(judgement for result in results for judgement in result.judgements)
