"""What two finished runs kept of every image beside their records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import Found
from hrnet_zoo.records.journal import read_finished
from hrnet_zoo.records.migrations import newest_line
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.verdicts.comparison.accuracy_pairs import AccuracyPair

_ROUNDING = 1e-6
"""Points by which two sums of the same counts may differ."""


class _Line(BaseModel):
    """What a line says of one image, as far as it is used here."""

    name: str
    results: dict[str, str]
    """By protocol."""


@dataclass(frozen=True, kw_only=True)
class ImageCounts:
    """What was counted in all images of a run, as text: equal texts are equal counts."""

    file: Path
    texts: Mapping[str, str]
    """Name of the image -> what its task's `to_text` wrote."""
    value: float
    """Of all of them together, as recorded; percent."""

    def require(self, found: float | None) -> None:
        """Check that the images add up to the recorded value.

        Raises:
            RecordError: they do not.
        """
        if found is None or abs(found - self.value) > _ROUNDING:
            msg = f"{self.file} does not add up to the value in its record. Run the row again."
            raise RecordError(msg)


def counts_of(pair: AccuracyPair) -> tuple[ImageCounts, ImageCounts] | None:
    """Return the counts of every image in both runs, or None if one of them kept none.

    Raises:
        RecordError: a file is damaged, or has other images than its record says.
    """
    task = METRICS[pair.key.metric].task
    if task is None or not TASKS[task].resamples:
        return None
    base = _read(pair.base, pair.key.metric, pair.before)
    head = _read(pair.head, pair.key.metric, pair.after)
    if base is None or head is None:
        return None
    if base.texts.keys() != head.texts.keys():
        msg = f"{base.file} and {head.file} name other images, though their data are the same."
        raise RecordError(msg)
    return base, head


def _read(run: Found[AccuracyRecord], metric: str, value: float) -> ImageCounts | None:
    record = run.record
    if record.images_file is None or record.dataset is None:
        return None
    # A record may come from anybody; only what lies beside it is read.
    file = run.path.with_name(Path(record.images_file).name)
    if not file.is_file():
        return None
    texts = _texts(file, metric)
    if len(texts) != record.dataset.num_images or not all(texts.values()):
        msg = (
            f"{file} does not hold {metric} of the {record.dataset.num_images} images of its "
            "record. Restore it or run the row again."
        )
        raise RecordError(msg)
    return ImageCounts(file=file, texts={n: text for n, text in texts.items() if text}, value=value)


def _texts(file: Path, metric: str) -> dict[str, str | None]:
    """Return by image what a file holds of a metric."""
    pieces = [piece for piece in read_finished(file) if "name" in piece]
    try:
        lines = [_Line.model_validate(newest_line(piece)) for piece in pieces]
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        msg = f"{file} is damaged ({reason}). Restore it or run the row again."
        raise RecordError(msg) from None
    return {line.name: line.results.get(METRICS[metric].protocol or "") for line in lines}
