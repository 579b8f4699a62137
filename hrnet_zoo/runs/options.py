"""With what to measure, and what both tasks settle before the first image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.coco_backends import BackendChoice
from hrnet_zoo.verdicts.accuracy import PROTOCOL_OF
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.weights.fetch import FetchOptions, fetch_row, own_checkpoint
from hrnet_zoo.zoo.row import Metric, Row


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """With what to measure."""

    fetch: FetchOptions
    manifest_dir: Path
    data_folders: DataFolders
    checkpoint: Path | None = None
    """A file of the user's own; None means the row's published one."""
    device: str = "auto"
    num_workers: int | None = None
    """Threads that decode images; None: as many as it takes."""
    worst: int = 0
    """How many of the worst images to save as pictures."""
    limit: int | None = None
    """Evaluate only the first so many images; the result is then not comparable."""
    coco_backend: BackendChoice = "auto"
    """Library that scores detections; see metrics/coco_backends.py."""
    profile: Path | None = None
    """Where to write a trace of a few images, in Chrome's format."""
    save_results: Path | None = None
    """Where to write all detections in COCO's results format."""


def checkpoint_for(row: Row, options: MeasureOptions, progress: Progress) -> FetchedFile:
    """Return the file to evaluate: the user's own, or the row's published one.

    Raises:
        CheckpointError: it cannot be had, or is not what it should be.
    """
    if options.checkpoint is not None:
        return own_checkpoint(row, options.checkpoint, progress)
    return fetch_row(row, options.manifest_dir, options.fetch, progress)


def data_folder(row: Row, title: str, root: str, folders: DataFolders) -> Path:
    """Return the folder the row's data set was said to be in.

    Args:
        row: named in messages, with its data set's ``title`` and usual folder ``root``.
        title: what people call the data set.
        root: the folder to look for.
        folders: what the user gave.

    Raises:
        DatasetError: nothing was said.
    """
    folder = folders.of(row.setup.dataset)
    if folder is None:
        msg = (
            f"{row.name} is evaluated on {title}, and no data folder was given. Pass the "
            f"folder that holds {root}/ with --data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return folder


def require_measurable(metrics: Sequence[Metric]) -> list[Metric]:
    """Return the metrics this version measures.

    Raises:
        PrerequisiteError: none is; the message gives the reasons.
    """
    measurable = [metric for metric in metrics if metric in PROTOCOL_OF]
    if not measurable:
        raise PrerequisiteError("; ".join(not_measurable(metrics).values()))
    return measurable


def not_measurable(metrics: Sequence[Metric]) -> dict[Metric, str]:
    """Return why some of the metrics will have no value."""
    reason = "this version does not measure {}"
    return {metric: reason.format(metric) for metric in metrics if metric not in PROTOCOL_OF}
