"""hrnet-zoo compare: what became better or worse between two sets of records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hrnet_zoo.cli.options import PATH, RECORDS, format_option, loaded_zoo
from hrnet_zoo.cli.terminal import echo
from hrnet_zoo.cli.verify import parse_metrics

if TYPE_CHECKING:
    from hrnet_zoo.verdicts.comparison.outcome import ComparisonOutcome
    from hrnet_zoo.zoo.row import EditionName
    from hrnet_zoo.zoo.zoo import Zoo


def parse_outcomes(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> frozenset[ComparisonOutcome] | None:
    """Read "worse,not-comparable" as outcomes; None: the usual ones."""
    if value is None:
        return None
    from hrnet_zoo.verdicts.comparison.outcome import ComparisonOutcome

    known = [o.replace("_", "-") for o in ComparisonOutcome if o is not ComparisonOutcome.SAME]
    named = [name.strip() for name in value.split(",")]
    for name in named:
        if name not in known:
            msg = f'"{name}" is no outcome that could close a gate; there are {", ".join(known)}.'
            raise click.BadParameter(msg)
    return frozenset(ComparisonOutcome(name.replace("-", "_")) for name in named)


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
@click.option(
    "--fail-on",
    metavar="O,O,...",
    callback=parse_outcomes,
    help="Which outcomes close the gate: worse, better (exit code 1); failed, failed-as-before, "
    "missing, not-comparable, inconclusive, new (exit code 3).  "
    "[default: worse,failed,missing,not-comparable]",
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
    fail_on: frozenset[ComparisonOutcome] | None,
    form: str,
    zoo: Zoo,
) -> int:
    """Compare two sets of records.

    Says of every accuracy and latency whether it is better or worse in HEAD than in BASE.

    Each is a folder of records, one record, or a git revision: "REV", or "REV:PATH" for records in
    another folder than --folder. The newest run in HEAD of each number counts. Accuracies are
    compared by value, with a paired jackknife over images where both runs kept these, latencies by
    the medians of processes; differences that nobody would see count as none.

    Exit code: 0 nothing is known to be worse, 1 something is, 2 wrong usage, 3 a run is missing,
    fails where it did not before, or is not comparable. --fail-on chooses other outcomes.
    """
    from hrnet_zoo import settings
    from hrnet_zoo.report import comparison as report
    from hrnet_zoo.verdicts.comparison.compare import Selection, comparable, compare_records
    from hrnet_zoo.verdicts.comparison.outcome import FAIL_ON, exit_code

    selection = Selection(
        rows=rows,
        metrics=comparable(metrics),
        edition=edition,
        fail_on=FAIL_ON if fail_on is None else fail_on,
    )
    compared = compare_records(base, head, zoo, selection, folder)
    written = {
        "text": report.comparison_as_text,
        "markdown": report.comparison_as_markdown,
        "json": report.comparison_as_json,
        "junit": report.comparison_as_junit,
        "github": report.comparison_as_github,
    }
    echo(written[form](compared), are_commands=form == "github")
    step_summary = settings.step_summary() if form == "github" else None
    try:
        if step_summary is not None:
            with step_summary.open("a", encoding="utf-8") as file:
                file.write(report.comparison_as_markdown(compared) + "\n")
    except OSError as error:  # what was found is true all the same
        reason = error.strerror or error
        echo(f"The summary {step_summary} cannot be written: {reason}.", err=True)
    return exit_code(compared)
