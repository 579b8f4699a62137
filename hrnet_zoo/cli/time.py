"""hrnet-zoo time: the latency of rows, as documented and as fast as this machine can."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hrnet_zoo.cli.options import (
    FEW,
    PATH,
    Finite,
    device_option,
    fetch_options,
    format_option,
    new_records_option,
    rows_options,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import Row
    from hrnet_zoo.zoo.zoo import Zoo

_SCALE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})", re.ASCII)
_SMALLEST_SIDE = 32


def parse_scale(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    """Read "1024x512" as (width, height)."""
    if value is None:
        return None
    found = _SCALE.fullmatch(value)
    if found is None or min(int(side) for side in found.groups()) < _SMALLEST_SIDE:
        msg = (
            f'"{value}" is not WIDTHxHEIGHT of at least {_SMALLEST_SIDE} pixels, such as 1024x512.'
        )
        raise click.BadParameter(msg)
    return int(found[1]), int(found[2])


def none_is_zero(_ctx: click.Context, _param: click.Parameter, value: int | None) -> int:
    """Read an option left out as 0, which nobody may ask for; Click checks defaults, too."""
    return value or 0


@click.command("time")
@rows_options
@click.option(
    "--engine",
    "engines",
    type=click.Choice(
        ["torch", "compile", "cudagraph", "openvino", "onnxruntime", "tensorrt", "auto"]
    ),
    multiple=True,
    default=["torch"],
    help="What runs the fast variants; may be repeated. auto is torch, and OpenVINO where it can.",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(["fp32", "tf32", "bf16", "fp16"]),
    multiple=True,
    default=["fp32"],
    help="In what the fast variants compute; may be repeated. Of detectors, backbone and neck.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, 65_536),
    default=1,
    metavar="N",
    help="Images that fast variants compute together, not of detectors; medians are per batch.",
)
@click.option(
    "--weights",
    type=click.Choice(["filled", "published"]),
    default="filled",
    help="Random ones of sane magnitude, or the published checkpoint.",
)
@click.option(
    "--checkpoint",
    type=PATH,
    help="A file with the weights to use; one NAME only.",
)
@click.option(
    "--image",
    "images",
    type=PATH,
    multiple=True,
    help="Time this image, not a drawn one; agreement is over all, if repeated.",
)
@click.option(
    "--scale",
    metavar="WxH",
    callback=parse_scale,
    help="Box of the resize, e.g. 1024x512, instead of the documented one.",
)
@click.option(
    "--threads",
    "num_threads",
    type=FEW,
    help="Threads within one operation on the CPU.  [default: torch's choice]",
)
@click.option(
    "--limit-seconds",
    "limit_s",
    type=Finite(min=0, max=7 * 24 * 3600, min_open=True),
    default=60.0,
    help="Seconds of sampling per row; making variants ready is not counted.",
)
@click.option(
    "--processes",
    type=FEW,
    default=3,
    metavar="N",
    help="Processes that share these seconds, one after the other; compare judges their medians.",
)
@click.option(
    "--aa",
    "num_twins",
    type=FEW,
    callback=none_is_zero,
    metavar="N",
    help="Only time the documented way against itself, in N pairs of processes: what compare "
    "would call changed, and how much processes differ.",
)
@new_records_option
@device_option
@fetch_options
@format_option("text", "json")
def time_rows(
    zoo: Zoo,
    rows: list[Row],
    fetch: FetchOptions,
    weights: str,
    output: Path,
    form: str,
    **asked: Any,  # noqa: ANN401 - options by the names that TimeOptions has for them
) -> int:
    """Time rows: as documented, and faster.

    Variants take turns until the 95 % interval of every median is within 0.5 % of it, in each of
    several processes: another process differs by more than one can tell. A faster one
    has to agree with "documented" (batch 1, FP32, eager), or is refused. What a lower precision
    does to a trained network is found out with the demo's. Exit code 3: something asked for could
    not be timed.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.demo.trained import TrainedNetworks  # imports torch
    from hrnet_zoo.errors import UsageError, ZooError
    from hrnet_zoo.report.timings import all_could_be_run, timing_as_text, timings_as_json
    from hrnet_zoo.runs.prepared import TimeOptions
    from hrnet_zoo.runs.time import time_row
    from hrnet_zoo.system.host_memory import keep_freed_memory

    options = TimeOptions(
        fetch=fetch,
        manifest_dir=zoo.path.parent,
        published=weights == "published",
        keeps_freed_memory=keep_freed_memory(),
        **asked,
    )
    networks, timed, errors = TrainedNetworks(), [], {}
    for row in rows:
        try:
            with show_progress() as progress:
                timed.append(time_row(row, options, output, progress, networks.figures))
        except UsageError:
            raise
        except ZooError as error:  # the other rows go on
            errors[row.name] = str(error).removeprefix(f"{row.name}: ")
            echo(f"{row.name}: {errors[row.name]}", err=True)
            continue
        if form == "text":
            echo(timing_as_text(*timed[-1]))
    if form == "json":
        echo(timings_as_json(timed, errors))
    complete = not errors and all(all_could_be_run(record) for record, _ in timed)
    return 0 if complete else ZooError.exit_code
