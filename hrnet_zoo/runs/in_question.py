"""What a run left and what there is to explain its number with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import kind_in_head, read_record
from hrnet_zoo.records.folder import run_files
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.causes import Fact, Hypothesis
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.verdicts.accuracy import UNFINISHED, Verdict, judge
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.zoo.row import Row

FEWEST = 2
"""Images by which causes can be told."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run whose number is to be explained."""

    record: AccuracyRecord
    path: Path

    @property
    def num_images(self) -> int:
        """Return how many images it looked at."""
        return self.record.dataset.num_images if self.record.dataset else 0

    def value_of_whole(self, row: Row, metric: Metric) -> float | None:
        """Return the number, if it is one over all images of the row's data set."""
        measurement, data = self.record.measurement(metric.name), self.record.dataset
        if measurement is None or data is None or data.num_images != row.setup.num_images:
            return None
        return measurement.value

    def results(self, metric: Metric, task_name: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what was counted in each image as the metric's evidence, and its files' digest.

        Raises:
            RecordError: the results of the images are missing, damaged or do not tell the metric.
        """
        images, task = read_images(self.record, self.path).images, TASKS[task_name]
        try:
            counted = {
                name: task.from_text(metric.evidence, image.results[metric.evidence])
                for name, image in images.items()
            }
        except (KeyError, ValueError):
            msg = f"{self.path}: its images file does not hold what {metric.title} is computed from"
            raise RecordError(f"{msg}. Run the row again.") from None
        return counted, {name: image.digest or "" for name, image in images.items()}

    def require_sound(self, row: Row, metric: Metric) -> None:
        """Raise RecordError if the record contradicts its images, or has lost them."""
        if against := evidence_of(row, self.record, self.path).against(metric.name):
            msg = f'{self.path}: {against}. Run the row again; see "hrnet-zoo records check".'
            raise RecordError(msg)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be explained, and what there is to explain it with."""

    row: Row
    metric: Metric
    run: Run | None
    options: MeasureOptions
    """With the images of the probe as its limit."""
    known: Sequence[Normalisation]
    """Those of all rows."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Images on which causes can be tried."""

    base: Reweighted
    num_images: int
    facts: Sequence[Fact]
    hypotheses: Sequence[Hypothesis]
    seed: int | None
    not_tried: dict[str, str]


def facts_of_record(asked: Asked) -> Iterator[Fact]:
    """Yield why a record's number is none of the documented one, whatever it is."""
    if asked.run is None:
        return
    evidence = evidence_of(asked.row, asked.run.record, asked.run.path)
    judgement = judge(asked.row, asked.run.record, asked.metric.name, evidence=evidence)
    obstacles = (Verdict.NOT_COMPARABLE, Verdict.NOT_RUN, Verdict.ERROR)
    if judgement.verdict in obstacles:
        yield Fact(says=f"the record's number: {judgement.reason}", is_cause=False)


def largest_run(folder: Path, row: Row) -> Run | None:
    """Return the finished run of a row over the most images, the newest of several such.

    Raises:
        RecordError: a record of the row is damaged.
    """
    runs = []
    for file in run_files(folder / row.name):
        if not file.is_empty and kind_in_head(file.path) in (None, "accuracy"):
            record = read_record(file.path)
            if isinstance(record, AccuracyRecord) and record.edition == row.edition:
                runs.append(Run(record=record, path=file.path))
    finished = [run for run in runs if run.record.status not in UNFINISHED]
    return max(finished, key=lambda run: (run.num_images, run.record.started_at), default=None)
