"""hrnet-zoo compare: what became better or worse between two sets of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, RECORDS, format_option, loaded_zoo
from hrnet_zoo.cli.verify import parse_metrics

if TYPE_CHECKING:
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo


@click.command()
@click.argument("base")
@click.argument("head")
@click.option(
    "--row",
    "rows",
    multiple=True,
    metavar="NAME",
    help="Compare only this row; may be repeated.  [default: all]",
)
@click.option(
    "--metrics",
    metavar="M,M,...",
    callback=parse_metrics,
    help="Compare only these accuracies, or latency; accuracy stands for those that verify "
    "measures unless told.  [default: all]",
)
@click.option(
    "--edition",
    type=click.Choice(["readme", "later"]),
    help="Compare only numbers of this edition.  [default: both]",
)
@click.option(
    "--folder",
    type=PATH,
    default=RECORDS,
    help="Where records are in a revision that is named without a path.",
)
@format_option("text", "markdown", "json", "junit", "github")
@loaded_zoo
def compare(
    base: str,
    head: str,
    rows: tuple[str, ...],
    metrics: list[str],
    edition: EditionName | None,
    folder: Path,
    form: str,
    zoo: Zoo,
) -> int:
    """Compare two sets of records.

    Says of every accuracy and latency whether it is better or worse in HEAD than in BASE.

    Each is a folder of records, one record, or a git revision: "REV", or "REV:PATH" for records in
    another folder than --folder. The newest run in HEAD of each number counts. Accuracies are
    compared by value, with a paired jackknife over images where both runs kept these, latencies by
    a rank test; differences that nobody would see count as none.

    Exit code: 0 nothing is known to be worse, 1 something is, 2 wrong usage, 3 a run is missing or
    failed, or is not comparable.
    """
    from hrnet_zoo import settings
    from hrnet_zoo.report import comparison as report
    from hrnet_zoo.verdicts.comparison.compare import Selection, comparable, compare_records
    from hrnet_zoo.verdicts.comparison.outcome import exit_code

    selection = Selection(rows=rows, metrics=comparable(metrics), edition=edition)
    compared = compare_records(base, head, zoo, selection, folder)
    written = {
        "text": report.comparison_as_text,
        "markdown": report.comparison_as_markdown,
        "json": report.comparison_as_json,
        "junit": report.comparison_as_junit,
        "github": report.comparison_as_github,
    }
    click.echo(written[form](compared))
    step_summary = settings.step_summary() if form == "github" else None
    try:
        if step_summary is not None:
            with step_summary.open("a", encoding="utf-8") as file:
                file.write(report.comparison_as_markdown(compared) + "\n")
    except OSError as error:  # what was found is true all the same
        reason = error.strerror or error
        click.echo(f"The summary {step_summary} cannot be written: {reason}.", err=True)
    return exit_code(compared)
