"""hrnet-zoo report: tables, a page, figures and values, from the manifest and the records."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.exports import eval_results, model_index, ro_crate
from hrnet_zoo.cli.options import PATH, format_option, loaded_zoo, records_option
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.report.html.gathering import Gathered
    from hrnet_zoo.report.html.page import Erratum
    from hrnet_zoo.verdicts.accuracy import Measured
    from hrnet_zoo.zoo.zoo import Zoo

_PAGE_NEEDS = ("altair", "jinja2", "vl_convert")
_PARQUET_NEEDS = ("pyarrow",)
_INCOMPLETE = 3


@click.group()
def report() -> None:
    """Tables, a page, figures and values from manifest and records."""


report.add_command(model_index)
report.add_command(eval_results)
report.add_command(ro_crate)


@report.command()
@records_option
@click.option(
    "--output",
    type=PATH,
    help="Write one Markdown file per README into this folder instead of printing.",
)
@click.option(
    "--with-size",
    is_flag=True,
    help="Add parameters and multiply-adds, which the READMEs do not print.",
)
@loaded_zoo
def tables(folder: Path, output: Path | None, with_size: bool, zoo: Zoo) -> None:
    """Print the results tables of the READMEs.

    Measured values and differences stand beside the documented ones wherever a record of a full,
    comparable run exists.
    """
    from hrnet_zoo.report.tables import render_tables

    measured = measured_in(zoo, folder)
    for source, text in render_tables(zoo, measured, with_size=with_size).items():
        if output is None:
            echo(f"## {source}: {zoo.sources[source].title}\n\n{text}")
            continue
        path = output / f"{source}.md"
        output.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        echo(str(path))


@report.command()
@records_option
@click.option("--output", type=PATH, default=Path("report.html"), help="File to write.")
@loaded_zoo
def html(folder: Path, output: Path, zoo: Zoo) -> int:
    """Write the whole zoo as one HTML file.

    It opens offline and asks no server for anything: verdicts, all rows, charts, classes, worst
    images, histories, machines, data, and errata of the manifest. Exit code: 0, or 3 if a file
    below the folder of records could not be used; the page then names it.
    """
    _require(_PAGE_NEEDS)
    from hrnet_zoo import __version__
    from hrnet_zoo.records.files import now
    from hrnet_zoo.report.html.gathering import gather
    from hrnet_zoo.report.html.page import LARGEST_BYTES, page_of, render_within
    from hrnet_zoo.report.html.vega import bundled_meanwhile

    with bundled_meanwhile() as vega:
        gathered = gather(zoo, folder)
        errata = _errata(zoo.path)
        page = page_of(gathered, made_at=now(), version=__version__, errata=errata)
        content = render_within(page, vega.result())
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(content)
    echo(str(output))
    if len(content) > LARGEST_BYTES:
        echo(f"{output} is large: {len(content) / 1e6:.1f} MB", err=True)
    return _code(len(page.problems), f"{output} names them")


@report.command()
@records_option
@click.option("--output", type=PATH, required=True, help="Folder to write into.")
@loaded_zoo
def figures(folder: Path, output: Path, zoo: Zoo) -> int:
    """Write the main charts as SVG and PNG files.

    Exit code: 0, or 3 if a file below the folder of records could not be used.
    """
    _require(_PAGE_NEEDS)
    from hrnet_zoo.report.html.charts import write_figures
    from hrnet_zoo.report.html.gathering import gather

    gathered = gather(zoo, folder)
    for path in write_figures(gathered, output):
        echo(str(path))
    return _explained(gathered)


@report.command()
@records_option
@format_option("csv", "parquet", says="CSV is text; Parquet keeps types.")
@click.option("--output", type=PATH, required=True, help="File to write.")
@loaded_zoo
def export(folder: Path, form: str, output: Path, zoo: Zoo) -> int:
    """Write all values as one long table.

    Every run of every number has a line; a number that was never run has one, too. In CSV,
    text that a spreadsheet would take for a formula has an apostrophe before it. Exit code: 0, or 3
    if a file below the folder of records could not be used.
    """
    if form == "parquet":
        _require(_PARQUET_NEEDS)
    from hrnet_zoo.report.export import write_csv, write_parquet
    from hrnet_zoo.report.html.gathering import gather

    gathered = gather(zoo, folder)
    output.parent.mkdir(parents=True, exist_ok=True)
    {"csv": write_csv, "parquet": write_parquet}[form](gathered, output)
    echo(str(output))
    return _explained(gathered)


def measured_in(zoo: Zoo, folder: Path) -> Measured:
    """Return what stands beside documented numbers by the records in a folder."""
    from hrnet_zoo.records.accuracy import AccuracyRecord
    from hrnet_zoo.records.folder import find_records
    from hrnet_zoo.verdicts.accuracy import latest_judgements

    return latest_judgements(zoo, find_records(folder, AccuracyRecord))


def _require(modules: tuple[str, ...]) -> None:
    from hrnet_zoo.errors import PrerequisiteError

    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        msg = (
            f"This needs {', '.join(missing)}, which "
            f"{'are' if len(missing) > 1 else 'is'} not installed: "
            'pip install "hrnet-zoo[report]".'
        )
        raise PrerequisiteError(msg)


def _errata(manifest: Path) -> list[Erratum]:
    """Return what lint finds in a manifest; the page itself knows nothing of lint."""
    from hrnet_zoo.readme.lint.checking import check_document
    from hrnet_zoo.readme.lint.document import RULES
    from hrnet_zoo.readme.lint.sources import manifest_document
    from hrnet_zoo.report.html.page import Erratum

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
        echo(f"left out: {problem.path}: {problem.reason}", err=True)
    return _code(len(gathered.problems), "they are named above")


def _code(num_problems: int, where: str) -> int:
    if not num_problems:
        return 0
    files = "file" if num_problems == 1 else "files"
    echo(f"{num_problems} {files} could not be used; {where}", err=True)
    return _INCOMPLETE
