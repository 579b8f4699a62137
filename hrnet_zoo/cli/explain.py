"""hrnet-zoo explain: look for the cause of a number that is not the documented one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hrnet_zoo.cli.options import (
    COUNT,
    PATH,
    SEED,
    data_options,
    device_option,
    edition_option,
    fetch_options,
    format_option,
    loaded_zoo,
    records_option,
)
from hrnet_zoo.cli.terminal import echo

if TYPE_CHECKING:
    from hrnet_zoo.runs.in_question import Run
    from hrnet_zoo.settings import DataFolders
    from hrnet_zoo.tasks.metric import Metric
    from hrnet_zoo.zoo.checkpoint import FetchOptions
    from hrnet_zoo.zoo.row import EditionName, Row
    from hrnet_zoo.zoo.zoo import Zoo

_NOTHING_TOLD = 3


@click.command()
@click.argument("subject", metavar="NAME|RECORD")
@edition_option
@loaded_zoo
@records_option
@data_options
@click.option(
    "--checkpoint", type=PATH, help="The file that was evaluated instead of the published one."
)
@click.option("--metric", metavar="M", help="Which number.  [default: the first that is wrong]")
@click.option(
    "--images",
    "limit",
    type=click.IntRange(2, COUNT.max),
    metavar="N",
    help="Random images on which causes are tried.  [default: 32, of classifiers 256]",
)
@click.option("--seed", type=SEED, default=0, help="Which random images.")
@click.option("--all", "all_causes", is_flag=True, help="Show all that was tried.")
@device_option
@fetch_options
@format_option("text", "json")
def explain(
    zoo: Zoo,
    subject: str,
    edition: EditionName,
    folder: Path,
    data_folders: DataFolders,
    fetch: FetchOptions,
    metric: str | None,
    limit: int | None,
    all_causes: bool,
    form: str,
    **given: Any,  # noqa: ANN401 - options by the names that MeasureOptions has for them
) -> int:
    """Look for the cause of a wrong number.

    NAME is a row, whose run over the most images below --records is explained if there is one;
    RECORD is the file of a run. Where the data are, causes are tried on a random part of the
    images; without data, on what the record keeps of each image. Exit codes: 0 a cause is named, or
    the number is a match; 3 no single cause.
    """
    from hrnet_zoo.cli.progress import show_progress
    from hrnet_zoo.report.explanation import explanation_as_json, explanation_as_text
    from hrnet_zoo.runs.explain import explain as explained
    from hrnet_zoo.runs.in_question import Asked
    from hrnet_zoo.runs.options import MeasureOptions
    from hrnet_zoo.tasks import TASKS

    run, row = _subject(zoo, subject, edition, folder)
    chosen = _metric(zoo, row, run, metric)
    if chosen is None:
        echo(f"{row.name}: the record is a match, so that there is nothing to explain")
        return 0
    options = MeasureOptions(
        fetch=fetch,
        manifest_dir=zoo.path.parent,
        data_folders=data_folders,
        limit=limit or TASKS[row.task].num_probed,
        **given,
    )
    known = [edited.setup.normalisation for each in zoo.rows for edited in each.editions]
    asked = Asked(row=row, metric=chosen, run=run, options=options, known=known)
    with show_progress() as progress:
        found = explained(asked, progress)
    if form == "json":
        echo(explanation_as_json(found))
    else:
        echo(explanation_as_text(found, all_causes=all_causes))
    return 0 if found.explains else _NOTHING_TOLD


def _subject(zoo: Zoo, subject: str, edition: EditionName, folder: Path) -> tuple[Run | None, Row]:
    """Return the run to explain, if there is one, and its row."""
    from hrnet_zoo.errors import RecordError
    from hrnet_zoo.records.accuracy import AccuracyRecord
    from hrnet_zoo.records.files import read_record
    from hrnet_zoo.runs.in_question import Run, largest_run

    if not subject.endswith(".json") and not Path(subject).is_file():
        row = zoo.row(subject, edition)
        return largest_run(folder, row), row
    path = Path(subject)
    record = read_record(path)
    if not isinstance(record, AccuracyRecord):
        msg = f"{path} is a record of {record.kind}; explain takes one of verify."
        raise RecordError(msg)
    return Run(record=record, path=path), zoo.row(record.row, record.edition)


def _metric(zoo: Zoo, row: Row, run: Run | None, name: str | None) -> Metric | None:
    """Return the number to explain, or None if those of the run are all matches."""
    from hrnet_zoo.errors import UsageError
    from hrnet_zoo.tasks import METRICS, TASKS
    from hrnet_zoo.verdicts.accuracy import Verdict, judge
    from hrnet_zoo.verdicts.checked import evidence_of

    names = zoo.metrics_of(row, [name] if name else [])
    of_images = [
        METRICS[each]
        for each in names
        if METRICS[each].is_accuracy and METRICS[each].protocol in TASKS[row.task].protocols
    ]
    if not of_images:
        what = name or "accuracy"
        msg = f"{row.name}: explain looks for causes of accuracies, and {what} is none of its own."
        raise UsageError(msg)
    if run is None:
        return of_images[0]
    evidence = evidence_of(row, run.record, run.path)
    verdicts = [judge(row, run.record, m.name, evidence=evidence).verdict for m in of_images]
    wrong = (m for m, v in zip(of_images, verdicts, strict=True) if v is not Verdict.MATCH)
    return next(wrong, None)
