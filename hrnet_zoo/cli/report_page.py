"""hrnet-zoo report html, figures and export: the whole zoo as a page, pictures and a table."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from hrnet_zoo.cli.options import zoo_option
from hrnet_zoo.cli.verify import DEFAULT_OUTPUT

if TYPE_CHECKING:
    from hrnet_zoo.report.html.errata import Erratum
    from hrnet_zoo.report.html.gathering import Gathered

Command = TypeVar("Command", bound=Callable[..., object])

_PAGE_NEEDS = ("altair", "jinja2", "vl_convert")
_PARQUET_NEEDS = ("pyarrow",)
_INCOMPLETE = 3


def records_option(command: Command) -> Command:
    """Add --records: the folder that verify and time wrote to."""
    return click.option(
        "--records",
        "records_dir",
        type=click.Path(path_type=Path),
        help=f"Folder of records.  [default: {DEFAULT_OUTPUT}, if there is one]",
    )(command)


@click.command("html")
@records_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="File to write.",
)
@zoo_option
def html(records_dir: Path | None, output: Path, zoo_file: Path | None) -> int:
    """Write the whole zoo as one HTML file.

    It opens offline and asks no server for anything: verdicts, all rows, charts, classes, worst
    images, histories, machines, data, and errata of the manifest. Exit code: 0, or 3 if a file
    below the folder of records could not be used; the page then names it.
    """
    _require(_PAGE_NEEDS)
    from hrnet_zoo import __version__  # noqa: PLC0415
    from hrnet_zoo.records.files import now  # noqa: PLC0415
    from hrnet_zoo.report.html.content import page_of  # noqa: PLC0415
    from hrnet_zoo.report.html.page import LARGEST_BYTES, render_within  # noqa: PLC0415
    from hrnet_zoo.report.html.vega import bundled_meanwhile  # noqa: PLC0415

    with bundled_meanwhile() as vega:
        gathered = _gather(records_dir, zoo_file)
        errata = _errata(gathered.zoo.path)
        page = page_of(gathered, made_at=now(), version=__version__, errata=errata)
        content = render_within(page, vega.result())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    click.echo(str(output))
    if len(content) > LARGEST_BYTES:
        click.echo(f"{output} is large: {len(content) / 1e6:.1f} MB", err=True)
    return _code(len(page.problems), f"{output} names them")


@click.command()
@records_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write into.",
)
@zoo_option
def figures(records_dir: Path | None, output: Path, zoo_file: Path | None) -> int:
    """Write the main charts as SVG and PNG files.

    Exit code: 0, or 3 if a file below the folder of records could not be used.
    """
    _require(_PAGE_NEEDS)
    from hrnet_zoo.report.html.figures import write_figures  # noqa: PLC0415

    gathered = _gather(records_dir, zoo_file)
    for path in write_figures(gathered, output):
        click.echo(str(path))
    return _explained(gathered)


@click.command()
@records_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "parquet"]),
    default="csv",
    show_default=True,
    help="CSV is text; Parquet keeps types.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="File to write.",
)
@zoo_option
def export(records_dir: Path | None, form: str, output: Path, zoo_file: Path | None) -> int:
    """Write all values as one long table.

    Every run of every number has a line; a number that was never run has one, too. Exit code: 0, or
    3 if a file below the folder of records could not be used.
    """
    if form == "parquet":
        _require(_PARQUET_NEEDS)
    from hrnet_zoo.report.export import write_csv, write_parquet  # noqa: PLC0415

    gathered = _gather(records_dir, zoo_file)
    output.parent.mkdir(parents=True, exist_ok=True)
    {"csv": write_csv, "parquet": write_parquet}[form](gathered, output)
    click.echo(str(output))
    return _explained(gathered)


def _require(modules: tuple[str, ...]) -> None:
    from hrnet_zoo.errors import PrerequisiteError  # noqa: PLC0415

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        msg = (
            f"This needs {', '.join(missing)}, which "
            f"{'are' if len(missing) > 1 else 'is'} not installed: "
            'pip install "hrnet-zoo[report]".'
        )
        raise PrerequisiteError(msg)


def _gather(records_dir: Path | None, zoo_file: Path | None) -> Gathered:
    from hrnet_zoo.report.html.gathering import gather  # noqa: PLC0415
    from hrnet_zoo.zoo.manifest import load_zoo  # noqa: PLC0415

    if records_dir is not None and not records_dir.is_dir():
        msg = f"There is no folder {records_dir}; --records takes the folder that verify wrote to."
        raise click.UsageError(msg)
    return gather(load_zoo(zoo_file), records_dir or DEFAULT_OUTPUT)


def _errata(manifest: Path) -> list[Erratum]:
    """Return what lint finds in a manifest; the page itself knows nothing of lint."""
    from hrnet_zoo.readme.lint.checking import check_document  # noqa: PLC0415
    from hrnet_zoo.readme.lint.codes import RULES  # noqa: PLC0415
    from hrnet_zoo.readme.lint.manifest_source import manifest_document  # noqa: PLC0415
    from hrnet_zoo.report.html.errata import Erratum  # noqa: PLC0415

    return [
        Erratum(
            code=finding.code,
            severity=finding.severity,
            meaning=RULES[finding.code].meaning,
            line=finding.spot.line,
            message=finding.message,
        )
        for finding in check_document(manifest_document(manifest))
    ]


def _explained(gathered: Gathered) -> int:
    for problem in gathered.problems:
        click.echo(f"left out: {problem.path}: {problem.reason}", err=True)
    return _code(len(gathered.problems), "they are named above")


def _code(num_problems: int, where: str) -> int:
    if not num_problems:
        return 0
    files = "file" if num_problems == 1 else "files"
    click.echo(f"{num_problems} {files} could not be used; {where}", err=True)
    return _INCOMPLETE
