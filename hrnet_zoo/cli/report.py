"""hrnet-zoo report: regenerate documents from the manifest and the records."""

from __future__ import annotations

from pathlib import Path

import click

from hrnet_zoo.cli.options import zoo_option
from hrnet_zoo.cli.report_page import export, figures, html
from hrnet_zoo.cli.verify import DEFAULT_OUTPUT


@click.group()
def report() -> None:
    """Tables, a page, figures and values from manifest and records."""


@report.command()
@click.option(
    "--records",
    "records_dir",
    type=click.Path(path_type=Path),
    help=f"Folder of records.  [default: {DEFAULT_OUTPUT}, if there is one]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write one Markdown file per README into this folder instead of printing.",
)
@click.option(
    "--with-size",
    is_flag=True,
    help="Add parameters and multiply-adds, which the READMEs do not print.",
)
@zoo_option
def tables(
    records_dir: Path | None, output: Path | None, with_size: bool, zoo_file: Path | None
) -> None:
    """Print the results tables of both READMEs.

    Measured values and differences stand beside the documented ones wherever a record of a full,
    comparable run exists.
    """
    from hrnet_zoo.records.accuracy import AccuracyRecord  # noqa: PLC0415
    from hrnet_zoo.records.folder import read_records  # noqa: PLC0415
    from hrnet_zoo.report.tables import render_tables  # noqa: PLC0415
    from hrnet_zoo.verdicts.latest import latest_judgements  # noqa: PLC0415
    from hrnet_zoo.zoo.manifest import load_zoo  # noqa: PLC0415

    if records_dir is not None and not records_dir.is_dir():
        msg = f"There is no folder {records_dir}; --records takes the folder that verify wrote to."
        raise click.UsageError(msg)
    zoo = load_zoo(zoo_file)
    records = read_records(records_dir or DEFAULT_OUTPUT, AccuracyRecord)
    texts = render_tables(zoo, latest_judgements(zoo, records), with_size=with_size)
    for source, text in texts.items():
        if output is None:
            click.echo(f"## {source}: {zoo.sources[source].title}\n\n{text}")
            continue
        path = output / f"{source}.md"
        output.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        click.echo(str(path))


for command in (html, figures, export):
    report.add_command(command)
