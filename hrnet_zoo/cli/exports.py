"""hrnet-zoo report model-index, eval-results, ro-crate: what was measured, for other services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, RECORDS, AnyCommand, edition_option, loaded_zoo
from hrnet_zoo.cli.terminal import echo
from hrnet_zoo.errors import UsageError
from hrnet_zoo.system.foreign import shown

if TYPE_CHECKING:
    from hrnet_zoo.records.accuracy import AccuracyRecord
    from hrnet_zoo.records.folder import Found
    from hrnet_zoo.report.exports.counting import LeftOut, RowRun
    from hrnet_zoo.report.exports.eval_results import Benchmark
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo

_NOTHING = 3
_BENCHMARK = re.compile(r"(\w+)=([\w.-]+/[\w.-]+):(\S+)")


def _check_url(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    from hrnet_zoo.report.exports.counting import on_the_web

    if value is not None and on_the_web(value) != value:
        msg = f'"{value}" is not a URL that begins with https:// and that everybody can open.'
        raise click.BadParameter(msg)
    return value


def _check_benchmarks(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[str, Benchmark]:
    from hrnet_zoo.report.exports.eval_results import Benchmark
    from hrnet_zoo.tasks import METRICS

    accuracies = [name for name, metric in METRICS.items() if metric.is_accuracy]
    benchmarks = {}
    for value in values:
        found = _BENCHMARK.fullmatch(value)
        if found is None:
            msg = f'"{value}" is not of the form METRIC=ORGANISATION/DATASET:TASK.'
            raise click.BadParameter(msg)
        if found[1] not in accuracies:
            msg = f'"{found[1]}" is not an accuracy; there are {", ".join(accuracies)}.'
            raise click.BadParameter(msg)
        benchmarks[found[1]] = Benchmark(found[2], found[3])
    return benchmarks


@dataclass(frozen=True, kw_only=True)
class _Given:
    """What there is to export."""

    zoo: Zoo
    runs: list[Found[AccuracyRecord]]
    folder: Path
    """Of the records."""
    bundle: Path | None
    """The file that has them; None: they lie there themselves."""


@contextmanager
def _given_in(place: Path, zoo: Zoo) -> Iterator[_Given]:
    """Find the records in a folder or a bundle, whose own rows and verdicts are passed over."""
    from hrnet_zoo.bundles.reading import opened
    from hrnet_zoo.records.accuracy import AccuracyRecord
    from hrnet_zoo.records.folder import find_records

    if not place.is_file():
        yield _Given(zoo=zoo, runs=find_records(place, AccuracyRecord), folder=place, bundle=None)
        return
    with opened(place) as bundle:
        folder = bundle.folder / "records"
        yield _Given(
            zoo=zoo, runs=find_records(folder, AccuracyRecord), folder=folder, bundle=place
        )


def _check_place(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path:
    if value is not None and not value.exists():
        msg = f"There is no folder or bundle {value}; --records takes what verify or bundle wrote."
        raise click.UsageError(msg)
    return value or RECORDS


def _runs_options(command: AnyCommand) -> AnyCommand:
    """Add --records, --zoo, --edition and --output; the command gets ``given``."""

    @click.option(
        "--records",
        "place",
        type=PATH,
        help=f"Folder of records, or a bundle.  [default: {RECORDS}, if there is one]",
        callback=_check_place,
    )
    @edition_option
    @click.option("--output", type=PATH, help="File to write instead of printing.")
    @loaded_zoo
    @wraps(command)
    def with_runs(*, place: Path, zoo: Zoo, **options: object) -> object:
        with _given_in(place, zoo) as given:
            return command(given=given, **options)

    return with_runs


_names_argument = click.argument("names", nargs=-1, metavar="[NAME]...")
_source_option = click.option(
    "--source",
    metavar="URL",
    callback=_check_url,
    help="Where you publish the records or their bundle. Default: the table they are about.",
)


@click.command("model-index")
@_names_argument
@_source_option
@_runs_options
def model_index(
    names: tuple[str, ...],
    source: str | None,
    edition: EditionName,
    output: Path | None,
    given: _Given,
) -> int:
    """Print values for a Hugging Face model card.

    It is the "model-index" of the YAML at the head of the card. Each value is that of the newest
    full and comparable run, in percent; what is left out is named. Without NAME, all rows. Exit
    code: 0, or 3 if there is nothing to export.
    """
    from hrnet_zoo.report.exports.counting import results_of
    from hrnet_zoo.report.exports.model_index import as_yaml
    from hrnet_zoo.report.exports.model_index import model_index as exported

    results, left_out = results_of(_runs(given, names, edition))
    index, nameless = exported(given.zoo, results, source)
    return _finish(as_yaml(index), bool(index["model-index"]), [*left_out, *nameless], output)


@click.command("eval-results")
@click.argument("name")
@click.option(
    "--benchmark",
    "benchmarks",
    required=True,
    multiple=True,
    metavar="METRIC=ORGANISATION/DATASET:TASK",
    callback=_check_benchmarks,
    help="Benchmark of the Hub that a number belongs to, and a task of its eval.yaml; may be "
    "repeated.",
)
@_source_option
@_runs_options
def eval_results(
    name: str,
    benchmarks: dict[str, Benchmark],
    source: str | None,
    edition: EditionName,
    output: Path | None,
    given: _Given,
) -> int:
    """Print values for a Hugging Face leaderboard.

    It is a file for .eval_results/ of the model's repository. Each value is that of the newest full
    and comparable run, in percent; notes tell verdict, data and weights. What is left out is named.
    Exit code: 0, or 3 if there is nothing to export.
    """
    from hrnet_zoo.report.exports.counting import results_of
    from hrnet_zoo.report.exports.eval_results import eval_results as exported
    from hrnet_zoo.report.exports.model_index import as_yaml

    results, left_out = results_of(_runs(given, (name,), edition))
    entries, unasked = exported(given.zoo, results, benchmarks, source)
    return _finish(as_yaml(entries), bool(entries), [*left_out, *unasked], output)


@click.command("ro-crate")
@_names_argument
@click.option(
    "--license",
    "licence",
    metavar="URL",
    required=True,
    callback=_check_url,
    help="Under which others may use the records; an RO-Crate must have one.",
)
@_runs_options
def ro_crate(
    names: tuple[str, ...],
    licence: str,
    edition: EditionName,
    output: Path | None,
    given: _Given,
) -> int:
    """Print what makes records an RO-Crate.

    It belongs in their folder, or that of their bundle, as ro-crate-metadata.json. Every
    evaluation is told, with its times, inputs, files, values and verdicts; what is left out is
    named. Without NAME, all rows. Exit code: 0, or 3 if there is nothing to export.
    """
    from hrnet_zoo.records.files import now
    from hrnet_zoo.records.folder import CRATE_NAME
    from hrnet_zoo.report.exports.ro_crate import as_json
    from hrnet_zoo.report.exports.ro_crate import ro_crate as exported

    own = (given.bundle.parent if given.bundle else given.folder) / CRATE_NAME
    if output is not None and output.absolute() != own.absolute():
        msg = f"The files of a crate are named from its folder: --output can only be {own}."
        raise UsageError(msg)
    runs = _runs(given, names, edition)
    metadata, unfit = exported(
        runs, given.folder, licence=licence, made_at=now(), bundle=given.bundle
    )
    return _finish(as_json(metadata), len(unfit) < len(runs), unfit, output)


def _runs(given: _Given, names: tuple[str, ...], edition: EditionName) -> list[RowRun]:
    """Return the runs of the rows that are meant, and say which ones are of no row."""
    from hrnet_zoo.report.exports.counting import runs_of

    runs, strangers = runs_of(given.zoo, given.runs, names, edition)
    _say(strangers)
    return runs


def _say(left_out: Iterable[LeftOut]) -> None:
    for each in left_out:
        echo(f"left out: {shown(each.what)}: {shown(each.reason)}", err=True)


def _finish(text: str, is_something: bool, left_out: list[LeftOut], output: Path | None) -> int:
    """Say what was left out, and print or write the rest, if there is any."""
    _say(left_out)
    if not is_something:
        echo("nothing to export: no run counts; hrnet-zoo verify NAME makes one", err=True)
        return _NOTHING
    if output is None:
        echo(text, end="")
        return 0
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    echo(str(output))
    return 0
