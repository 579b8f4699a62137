"""Growing random parts of a data set: whether one of them refutes a documented value already.

A part never confirms a value: to tell it to a tenth of a point takes nearly all images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.records.accuracy import EarlyLook, Measurement
from hrnet_zoo.records.files import RecordFile
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.verdicts.accuracy import Verdict, judge
from hrnet_zoo.zoo.row import Row

ALPHA = 0.01
"""How often a run may call a right number refuted, over all of its looks and numbers together."""


class QuickLooks:
    """The looks of one run, each at the images of those before it and as many again."""

    def __init__(
        self, row: Row, num_images: int, options: MeasureOptions, progress: Progress
    ) -> None:
        """Draw the images.

        Args:
            row: whose task says after how many images to look.
            num_images: found in the data set.
            options: with the seed, and with what is allowed.
            progress: is told what each look says.

        Raises:
            PrerequisiteError: already the first look would have all images.
        """
        self._row, self._options, self._progress = row, options, progress
        self._task = TASKS[row.task]
        self._order = random_order(num_images, options.seed)
        self._sizes = [size for size in self._task.looks if size < num_images]
        self._looks: dict[str, list[EarlyLook]] = {}
        if not self._sizes:
            title = DATASETS[row.setup.dataset].title
            msg = (
                f"--quick begins with {self._task.looks[0]} random images, and there are only "
                f"{num_images} of {title}. Leave it out."
            )
            raise PrerequisiteError(msg)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the images of each look."""
        return (self._order[:size] for size in self._sizes)

    def refutes(self, file: RecordFile, results: Mapping[str, ImageResult]) -> bool:
        """Add to a record what a look says of the whole data set; whether a number is refuted.

        Args:
            file: with the measurements of this look's images.
            results: of these images.
        """
        seen = [m for m in file.record.measurements if m.protocol is not None]
        level = 1 - ALPHA / (len(self._sizes) * len(seen))
        ordered = [results[name] for name in sorted(results)]
        looked = {m.metric: self._looked(m, ordered, level) for m in seen}
        measurements = [looked.get(m.metric, m) for m in file.record.measurements]
        file.update(measurements=measurements)
        # The verdict of the record as it will be, should this be the last look.
        ended = file.record.model_copy(update={"status": "completed"})
        verdicts = {
            name: judge(self._row, ended, name, self._options.tolerance).verdict for name in looked
        }
        refuted = [name for name in looked if verdicts[name] is Verdict.MISMATCH_WORSE]
        for name, measurement in looked.items():
            self._say(measurement, is_refuted=name in refuted)
        return bool(refuted)

    def _looked(
        self, measurement: Measurement, ordered: list[ImageResult], level: float
    ) -> Measurement:
        metric = METRICS[measurement.metric]
        counted = [result.counted[metric.evidence] for result in ordered]
        look = EarlyLook(
            num_images=len(ordered),
            value=measurement.value,
            at_most=self._task.at_most(self._row.setup, metric, counted, level),
            level=level,
        )
        looks = self._looks.setdefault(metric.name, [])
        looks.append(look)
        return measurement.model_copy(update={"looks": list(looks)})

    def _say(self, measurement: Measurement, *, is_refuted: bool) -> None:
        look, metric = measurement.looks[-1], METRICS[measurement.metric]
        documented = self._row.documented(metric.name)
        answer = "refuted" if is_refuted else "not refuted"
        if documented is None or look.value is None or look.at_most is None:
            said = "too few to tell"
        else:
            said = (
                f"{metric.title} {look.value:.2f}, so at most {look.at_most:.2f} on all; "
                f"the documented {documented} is {answer}"
            )
        self._progress.say(f"after {look.num_images} images: {said}")
