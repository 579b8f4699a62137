"""An earlier record whose images are looked at again, to be compared one by one.

Nothing is said about the documented number: a record may have been wrong from the beginning. What
is the same on another day or machine is said to be unchanged, no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.parts import random_order
from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord, ImageDifference, Unchanged
from hrnet_zoo.records.files import read_record
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.verdicts.checked import evidence_of
from hrnet_zoo.zoo.row import Row

if TYPE_CHECKING:
    from hrnet_zoo.tasks.evaluation import ImageResult  # it needs torch, and this is read before

_NAMED, _LISTED = 3, 100
"""Images that a message and a record name at most."""


class Earlier:
    """A completed run, with what it found in every image."""

    def __init__(self, path: Path, row: Row, metrics: Sequence[str]) -> None:
        """Read it.

        Args:
            path: of the record; its images file lies beside it.
            row: that is verified now.
            metrics: names of what is measured now.

        Raises:
            RecordError: it is none, of something else, or not to be relied on.
        """
        self.path, self._row, self._task = path, row, TASKS[row.task]
        record = read_record(path)
        if problem := _problem(record, row, metrics):
            msg = f"{path} {problem}."
            raise RecordError(msg)
        assert isinstance(record, AccuracyRecord)
        evidence = evidence_of(row, record, path)
        against = [*evidence.found, *evidence.unchecked.values()]
        if against:
            msg = f"{path} cannot be compared with: {against[0]}. Name another record."
            raise RecordError(msg)
        self._record, self._images = record, read_images(record, path).images

    @property
    def is_part(self) -> bool:
        """Whether it has not all images of the data set."""
        return len(self._images) < self._row.setup.num_images

    def indices(self, samples: Samples, limit: int | None, seed: int) -> list[int]:
        """Return which images to look at: those that it has, or a random part of them.

        Raises:
            RecordError: it has images that the data set lacks.
        """
        by_name = {samples.name_of(i): i for i in range(len(samples))}
        lacking = [name for name in self._images if name not in by_name]
        if lacking:
            msg = (
                f"{self.path} has {len(lacking)} images that are not in {samples.root}: "
                f"{and_more(lacking, _NAMED)}. Pass the data set that it is of."
            )
            raise RecordError(msg)
        names = sorted(self._images)
        chosen = random_order(len(names), seed)[:limit]
        return sorted(by_name[names[i]] for i in chosen)

    def require_same(self, sha256: str, protocols: Mapping[str, ProtocolUsed]) -> None:
        """Raise RecordError if its weights or protocols were others: that is no other machine.

        Args:
            sha256: of the checkpoint now.
            protocols: now, by name.
        """
        then = self._record.checkpoint
        if then is None or then.sha256 != sha256:
            held = then.title if then else "unknown"
            msg = (
                f"{self.path} is of other weights ({held}) than these (SHA-256 {sha256}), "
                "so differences would tell nothing of the machine. Pass the same with --checkpoint."
            )
            raise RecordError(msg)
        for measurement in self._record.measurements:
            used = measurement.protocol
            if used is not None and used.name in protocols and protocols[used.name] != used:
                msg = (
                    f"{self.path} looked at images otherwise for {measurement.metric} than this "
                    "version does for this row. Name another record."
                )
                raise RecordError(msg)

    def compared(self, metrics: Sequence[str], results: Mapping[str, ImageResult]) -> Unchanged:
        """Return how the results of now differ from those of then.

        Args:
            metrics: names of what was measured.
            results: by names of images, all of which it has.
        """
        names = sorted(results)
        others = [name for name in names if results[name].digest != self._images[name].digest]
        different = [name for name in names if self._differs(results[name])]
        differences = [self._difference(metric, results) for metric in metrics]
        return Unchanged(
            record=self.path.name,
            num_images=len(names),
            num_other_files=len(others),
            num_different=len(different),
            different=(others or different)[:_LISTED],
            differences=differences if different and not others else [],
        )

    def _differs(self, now: ImageResult) -> bool:
        then, task = self._images[now.name].results, self._task
        # Read and written again: another library may compress the same into another text.
        try:
            return any(
                task.to_text(task.from_text(name, then[name])) != task.to_text(counted)
                for name, counted in now.counted.items()
                if name in then
            )
        except (ValueError, RecursionError):  # what cannot be read is not what was found now
            return True

    def _difference(self, name: str, results: Mapping[str, ImageResult]) -> ImageDifference:
        metric, task, kept = METRICS[name], self._task, METRICS[name].evidence
        names = sorted(results)
        now: list[Any] = [results[image].counted[kept] for image in names]
        then = [task.from_text(kept, self._images[image].results[kept]) for image in names]
        value, interval = task.paired(self._row.setup, metric, then, now)
        return ImageDifference(metric=name, difference=value, interval=interval)


def _problem(record: object, row: Row, metrics: Sequence[str]) -> str:
    """Return why a record is of something else, or nothing."""
    if not isinstance(record, AccuracyRecord):
        return "is no record of verify"
    if (record.row, record.edition) != (row.name, row.edition):
        return (
            f'is of {record.row} ("{record.edition}" edition), not of {row.name} ("{row.edition}")'
        )
    if record.status != "completed":
        return f'is of a run that was not completed ("{record.status}")'
    data = record.dataset
    if data is None or data.name != row.setup.dataset:
        return f"is of the data set {data and data.name}, not of {row.setup.dataset}"
    lacking = [name for name in metrics if record.measurement(name) is None]
    if lacking:
        has = ",".join(m.metric for m in record.measurements)
        return f"does not have {', '.join(lacking)}; pass --metrics {has}"
    return ""
