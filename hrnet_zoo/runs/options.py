"""With what to measure a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.checkpoint import FetchOptions, fetch_row, own_checkpoint
from hrnet_zoo.zoo.row import Row


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
    score: ScoreOptions = field(default_factory=ScoreOptions)
    profile: Path | None = None
    """Where to write a trace of a few images, in Chrome's format."""
    save_results: Path | None = None
    """Where to write all answers for other tools."""


def checkpoint_for(row: Row, options: MeasureOptions, progress: Progress) -> FetchedFile:
    """Return the file to evaluate: the user's own, or the row's published one.

    Raises:
        CheckpointError: it cannot be had, or is not what it should be.
    """
    if options.checkpoint is not None:
        return own_checkpoint(row, options.checkpoint, progress)
    return fetch_row(row, options.manifest_dir, options.fetch, progress)


def data_folder(row: Row, folders: DataFolders) -> Path:
    """Return the folder the row's data set was said to be in.

    Raises:
        DatasetError: nothing was said.
    """
    folder = folders.of(row.setup.dataset)
    if folder is None:
        data_set = DATASETS[row.setup.dataset]
        msg = (
            f"{row.name} is evaluated on {data_set.title}, and no data folder was given. Pass the "
            f"folder that holds {data_set.root}/ with --data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return folder


def require_measurable(metrics: Sequence[str]) -> None:
    """Check that there is a number to measure.

    Raises:
        PrerequisiteError: there is none; the message gives the reasons.
    """
    lacking = not_measurable(metrics)
    if len(lacking) == len(metrics):
        raise PrerequisiteError("; ".join(lacking.values()))


def not_measurable(metrics: Sequence[str]) -> dict[str, str]:
    """Return why some of the metrics will have no value."""
    reason = "this version does not measure {}"
    return {name: reason.format(name) for name in metrics if METRICS[name].protocol is None}
