"""What an interrupted run left that this one can use: its journal's lines, held against files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.records.accuracy import Segment
from hrnet_zoo.records.files import RecordFile
from hrnet_zoo.records.images_file import ImageLine, line_of
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.task import Task

_NAMED = 3
"""Images that a message names at most."""


def taken_over(
    journal: Journal,
    task: Task,
    metrics: Sequence[Metric],
    samples: Samples,
    file: RecordFile,
    progress: Progress,
) -> dict[str, ImageResult]:
    """Return what an earlier run found in images whose files are still the same, by name.

    Args:
        journal: what cannot be used at all is taken out of it.
        task: reads what was counted.
        metrics: that are measured now, which are those of the journal.
        samples: the images, whose files are read and hashed again.
        file: of this run; that of the earlier one is told which one goes on with it.
        progress: is told what is done, and which images have to be looked at again.

    Raises:
        DatasetError: a file cannot be read.
        RecordError: a file beside the record cannot be written.
    """
    lines, parts, found = _usable(journal, task, metrics)
    if len(lines) < len(journal.entries):
        num = len(journal.entries) - len(lines)
        progress.say(f"{journal.path}: left out what no run writes, {num} of its lines")
        journal.keep(lines)
    last = file.earlier(parts[-1]) if parts else None
    if last is not None and last.status == "completed" and not last.asked.quick:
        journal.keep(())  # it was killed before it could do so itself
        return {}
    results, others = _of_same_files(found, samples, progress)
    if not found and (changed := journal.changed()):
        progress.say(
            f"an unfinished run was found, but not of the same {', '.join(changed)}; starting "
            "anew, and what it did is kept"
        )
    if others:
        named = and_more(others, _NAMED)
        progress.say(
            "looking anew at images of an unfinished run whose files are others now "
            f"({len(others)}): {named}"
        )
    if results:
        progress.say(f"going on after {len(results)} images of an earlier run")
        file.mark_continued(parts[-1])
    return results


def _usable(
    journal: Journal, task: Task, metrics: Sequence[Metric]
) -> tuple[list[dict[str, Any]], list[str], list[ImageResult]]:
    """Return the lines that can be used, the names of the parts in them, and their results."""
    names = {name for metric in metrics for name in (metric.evidence, metric.protocol or "")}
    lines, parts, found = list[dict[str, Any]](), list[str](), list[ImageResult]()
    for entry in journal.entries:
        line = line_of(entry)
        if isinstance(line, Segment):
            parts.append(line.record)
            lines.append(entry)
        elif line is not None and parts and (result := _result(line, task, names)) is not None:
            found.append(result)
            lines.append(entry)
    return lines, parts, found


def _result(line: ImageLine, task: Task, names: set[str]) -> ImageResult | None:
    if line.digest is None or line.results.keys() != names:
        return None
    try:
        counted = {name: task.from_text(name, text) for name, text in line.results.items()}
    except (ValueError, LookupError, TypeError, OverflowError):
        return None
    return ImageResult(name=line.name, digest=line.digest, counted=counted)


def _of_same_files(
    found: Iterable[ImageResult], samples: Samples, progress: Progress
) -> tuple[dict[str, ImageResult], list[str]]:
    """Return the results of files that are as they were, and the names of the others."""
    kept: dict[str, dict[str, ImageResult]] = {}
    for result in found:
        kept.setdefault(result.name, {})[result.digest] = result
    results, others = dict[str, ImageResult](), list[str]()
    indices = [i for i in range(len(samples)) if samples.name_of(i) in kept]
    if indices:
        progress.begin("reading the files of finished images again", len(indices), "images")
    for done, index in enumerate(indices, 1):
        name = samples.name_of(index)
        if (same := kept[name].get(samples.digest(index))) is not None:
            results[name] = same
        else:
            others.append(name)
        progress.update(done)
    return results, others
