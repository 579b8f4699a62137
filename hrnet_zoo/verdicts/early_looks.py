"""Holds the looks of `verify --quick` against what was kept of their images."""

from __future__ import annotations

from collections.abc import Iterator

from hrnet_zoo.records.accuracy import Measurement
from hrnet_zoo.records.images_file import ImagesFile
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.verdicts.consistency import is_same
from hrnet_zoo.zoo.row import Row


def contradicted_looks(row: Row, measurement: Measurement, file: ImagesFile) -> Iterator[str]:
    """Yield which looks do not follow from their images.

    Args:
        row: of the record.
        measurement: of a number that is computed from images.
        file: all of whose images keep what it is computed from.
    """
    looks, name = measurement.looks, measurement.metric
    sizes = [look.num_images for look in looks]
    expected = [len(file.images)] if file.looks else []
    if sizes != sorted(set(sizes)) or min(sizes, default=1) < 1 or sizes[-1:] != expected:
        yield f"its looks at {name} have {sizes} images, and its images file {len(file.images)}"
        return
    if file.looks and sorted(file.looks) != sorted(file.images):
        yield "its images file lists other images for the looks than it has"
        return
    task, metric = TASKS[row.task], METRICS[name]
    for look in looks:
        lines = [file.images[image] for image in sorted(file.looks[: look.num_images])]
        counted = [task.from_text(metric.evidence, e.results[metric.evidence]) for e in lines]
        of_look = (
            ("value", look.value, task.scored(row.setup, metric, counted).value),
            ("bound", look.at_most, task.at_most(row.setup, metric, counted, look.level)),
        )
        for what, said, found in of_look:
            if not is_same(said, found):
                yield f"the {what} of {name} after {look.num_images} images is {said}, not {found}"
