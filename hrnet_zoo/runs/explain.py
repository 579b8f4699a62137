"""From a number that is not the documented one to what may be the cause.

Free checks come first: what files and records say by themselves, and what follows from what was
counted in each image. Then, if there are images, passes over a random part of them in which one
thing is otherwise. This module needs no torch, so a record alone is explained at once.
"""

from __future__ import annotations

from hrnet_zoo.errors import DatasetError, RecordError, UsageError, ZooError
from hrnet_zoo.runs.in_question import FEWEST, Asked, Looked, facts_of_record
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.verdicts.explanation import Explanation, Gap, Ranking, concluded


def explain(asked: Asked, progress: Progress) -> Explanation:
    """Look for the cause of a number that is not the documented one.

    Raises:
        DatasetError: there is neither a record nor data, or the data cannot be used.
        RecordError: there is no data, and the record does not hold the results of its images.
        UsageError: the row documents no such number.
        ZooError: the checkpoint cannot be had or loaded.
    """
    row, metric = asked.row, asked.metric
    documented = row.documented(metric.name)
    if documented is None:
        msg = f"{row.name} prints no {metric.title}, so that there is nothing to explain."
        raise UsageError(msg)
    has_data = asked.options.data_folders.of(row.setup.dataset) is not None
    if asked.run is None and not has_data:
        msg = (
            f"There is neither a record of {row.name} nor a folder with its data. Run "
            f'"hrnet-zoo verify {row.name}" first, or pass --data-root.'
        )
        raise DatasetError(msg)
    if has_data:
        from hrnet_zoo.runs.probing import look_at_images  # noqa: PLC0415 - torch takes seconds

        looked = look_at_images(asked, progress)
    else:
        looked = _from_record(asked)
    return _ranked(asked, float(documented), looked, progress)


def _from_record(asked: Asked) -> Looked:
    """Return what a record alone tells."""
    assert asked.run is not None
    row, metric, task = asked.row, asked.metric, TASKS[asked.row.task]
    asked.run.require_sound(row, metric)
    results, _ = asked.run.results(metric, row.task)
    counted = [results[name] for name in sorted(results)]
    if len(counted) < FEWEST:
        msg = f"{asked.run.path} has results of {len(counted)} images, too few to tell causes by."
        raise RecordError(msg)
    return Looked(
        base=task.reweighted(metric, counted),
        num_images=len(counted),
        facts=[*facts_of_record(asked), *task.facts(row.setup, counted)],
        hypotheses=[*task.relabelled(row.setup, metric, counted)],
        seed=None,
        not_tried={"whatever needs images": "pass --data-root, the folder of the data sets"},
    )


def _ranked(asked: Asked, documented: float, looked: Looked, progress: Progress) -> Explanation:
    """Try all causes, and return what that told."""
    row, metric, run = asked.row, asked.metric, asked.run
    measured = run.value_of_whole(row, metric) if run else None
    gap = Gap(documented=documented, measured=measured)
    ranking = Ranking(
        gap,
        looked.base,
        num_images=looked.num_images,
        population=row.setup.num_images,
        most_groups=TASKS[row.task].most_groups,
    )
    not_tried = dict(looked.not_tried)
    if ranking.shows_gap:
        progress.begin(f"trying causes for {row.name}", len(looked.hypotheses), "causes")
        for done, hypothesis in enumerate(looked.hypotheses, 1):
            try:
                reason = ranking.add(hypothesis.cause, hypothesis.reweighted())
            except ZooError as error:
                reason = str(error)
            if reason:
                not_tried[hypothesis.cause.change] = reason
            progress.update(done)
    return concluded(
        row=row,
        metric=metric.name,
        ranking=ranking,
        record=run.path if run and measured is not None else None,
        seed=looked.seed,
        facts=looked.facts,
        not_tried=not_tried,
    )
