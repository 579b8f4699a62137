"""With what a row runs: weights, images and devices.

This imports no torch, so that what is lacking is said at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.records.accuracy import CheckpointUsed, EngineChoice
from hrnet_zoo.runs.unchanged import Earlier
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.zoo.checkpoint import FetchOptions, fetch_row, own_checkpoint
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """With which weights a row runs, and where."""

    fetch: FetchOptions
    manifest_dir: Path
    """Where relative links start."""
    checkpoint: Path | None = None
    """A file of the user's own; None means the row's published one."""
    device: str = "auto"

    def file_for(self, row: Row, progress: Progress) -> FetchedFile:
        """Return the file with the weights.

        Raises:
            CheckpointError: it cannot be had, or is not what it should be.
        """
        if self.checkpoint is not None:
            return own_checkpoint(row, self.checkpoint, progress)
        return fetch_row(row, self.manifest_dir, self.fetch, progress)

    def checkpoint_used(self, row: Row, file: FetchedFile, taken: Taken) -> CheckpointUsed:
        """Return the record's words for that file."""
        return CheckpointUsed(
            file_name=file.path.name,
            sha256=file.sha256,
            size_bytes=file.size_bytes,
            url=None if self.checkpoint else row.checkpoint_url,
            known_by=file.known_by,
            locked_on=file.locked_on,
            **dict(taken),
        )


@dataclass(frozen=True, kw_only=True)
class MeasureOptions(RunOptions):
    """With what to measure."""

    data_folders: DataFolders
    limit: int | None = None
    """Evaluate only a random part of so many images; the result is then never a match."""
    seed: int = 0
    """Which part is drawn."""
    quick: bool = False
    """Look at growing random parts until one refutes a documented value; never a match."""
    tolerance: Decimal | None = None
    """Allowance in points by which a documented value is refuted; None: the metric's own."""
    earlier: Earlier | None = None
    """A record whose images are looked at again and compared one by one."""
    partial: bool = False
    """Evaluate a data set that lacks images all the same; the result is then not comparable."""
    num_workers: int | None = None
    """Threads that decode images; None: as many as keep up with the network."""
    graphs: bool = True
    """Whether a GPU's work is recorded as CUDA graphs."""
    engine: EngineChoice = "torch"
    """What computes the network; anything but torch has to agree with torch first."""
    worst: int = 0
    """How many of the worst images to save as pictures."""
    score: ScoreOptions = field(default_factory=ScoreOptions)
    profile: Path | None = None
    """Where to write a trace of a few images, in Chrome's format."""
    save_results: Path | None = None
    """Where to write all answers for other tools."""

    @property
    def seed_of_part(self) -> int | None:
        """Return the seed of a random part of the data set; None: it is all, or another part."""
        is_of_part = self.earlier is not None and self.earlier.is_part
        return self.seed if (self.limit or self.quick) and not is_of_part else None

    def folder_of(self, row: Row) -> Path:
        """Return the folder that the row's data set was said to be in.

        Raises:
            DatasetError: nothing says where it is.
        """
        folder = self.data_folders.of(row.setup.dataset)
        if folder is None:
            data_set = DATASETS[row.setup.dataset]
            msg = (
                f"{row.name} is evaluated on {data_set.title}, and no data folder was given for "
                f"it. Pass the folder that holds {data_set.root}/ with --data-root, the data set's "
                f"own with --data {data_set.name}=DIR, or set HRNET_ZOO_DATA."
            )
            raise DatasetError(msg)
        return folder

    def images_of(self, row: Row, progress: Progress) -> Samples:
        """Return the images of the row's data set, listed but not read.

        A number of part of the images is never a match. That is said before it takes hours.

        Raises:
            DatasetError: the data set cannot be used, or is not complete and no part was asked for.
        """
        samples = TASKS[row.task].open_data(row.setup, self.folder_of(row))
        found, complete = len(samples), row.setup.num_images
        evaluated = min(found, self.limit or found)
        if found == evaluated == complete:
            return samples
        if self.limit is None and not self.partial:
            data_set = DATASETS[row.setup.dataset]
            msg = (
                f"{data_set.title} in {samples.root} has {found} images, not {complete}, so no "
                f'accuracy can be a match. "hrnet-zoo data show {data_set.name}" says where to get '
                "it; --partial evaluates what is there."
            )
            raise DatasetError(msg)
        counted = f"{evaluated} of {complete} images are evaluated"
        if evaluated == complete:
            counted = f"{found} images were found, not {complete}"
        if self.earlier is None:  # else that is not the question
            progress.say(f"{row.name}: {counted}, so no accuracy can be a match")
        return samples
