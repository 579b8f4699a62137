"""Prepares a data set: its source opened, its plan carried out, and what was done summed up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.prepare.archives import Source
from hrnet_zoo.datasets.prepare.plan import Plan, Preparer, Request
from hrnet_zoo.datasets.prepare.running import Tally, carry_out
from hrnet_zoo.datasets.prepare.writing import Outcome
from hrnet_zoo.errors import UsageError
from hrnet_zoo.system.progress import Progress


@dataclass(frozen=True, kw_only=True)
class FolderSummary:
    """What a preparation did in one output folder."""

    folder: str
    """Below the data set's folder."""
    written: int
    already_there: int
    expected: int | None
    """Files the official download makes; None: not counted."""


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """What a preparation did."""

    name: str
    root: Path
    """The data set's folder."""
    folders: tuple[FolderSummary, ...]

    @property
    def written(self) -> int:
        """Files written by this run."""
        return sum(folder.written for folder in self.folders)

    @property
    def already_there(self) -> int:
        """Files that were there already with the same content."""
        return sum(folder.already_there for folder in self.folders)


def prepare(
    dataset: DataSet,
    source: Path,
    data_root: Path,
    *,
    splits: tuple[str, ...] = ("val",),
    workers: int,
    progress: Progress,
    overwrite: bool = False,
) -> PrepareSummary:
    """Make the files that evaluation reads; the same call again goes on after an interruption.

    Args:
        dataset: what is to be prepared.
        source: folder of the official download, unpacked or as zip files; or one zip file.
        data_root: the folder that holds the data sets' own folders.
        splits: "val", "train" or both.
        workers: source images in work at a time.
        progress: told about every source image.
        overwrite: replace existing files whose content differs; otherwise they are an error.

    Raises:
        UsageError: this split of the data set needs no preparation.
        DatasetError: the download is incomplete or damaged, or the output cannot be written.
    """
    preparer = _preparer(dataset, splits, workers)
    root = data_root / dataset.root
    with Source(source, preparer.zips) as opened:
        request = Request(source=opened, splits=splits, root=root, say=progress.say)
        plan = preparer.plan(request)
        tally = carry_out(
            plan,
            root,
            title=dataset.title,
            workers=workers,
            overwrite=overwrite,
            progress=progress,
        )
    summary = PrepareSummary(name=dataset.name, root=root, folders=_by_folder(plan, tally))
    for folder in summary.folders:
        made = folder.written + folder.already_there
        if folder.expected not in (None, made):
            progress.say(
                f"{folder.folder} got {made} files; the complete download makes {folder.expected}"
            )
    return summary


def _preparer(dataset: DataSet, splits: tuple[str, ...], workers: int) -> Preparer:
    how = f" {dataset.download.preparation}" if dataset.download else ""
    preparer = dataset.preparer
    if preparer is None:
        msg = f"{dataset.title} needs no preparation.{how}"
        raise UsageError(msg)
    unknown = [split for split in splits if split not in ("val", "train")]
    if unknown or not splits:
        msg = f"A split to prepare is val or train, not {unknown[0] if unknown else 'none'!r}."
        raise UsageError(msg)
    ready = [split for split in splits if split not in preparer.splits]
    if ready:
        msg = (
            f"The {ready[0]} split of {dataset.title} needs no preparation; only "
            f"{' and '.join(preparer.splits)} does.{how}"
        )
        raise UsageError(msg)
    if workers < 1:
        msg = f"There must be at least 1 worker, not {workers}."
        raise UsageError(msg)
    return preparer


def _by_folder(plan: Plan, tally: Tally) -> tuple[FolderSummary, ...]:
    """Sum up by the folders that have an expected number; their subfolders count for them."""
    sums: dict[str, dict[Outcome, int]] = {folder: {} for folder in plan.expected}
    for (folder, outcome), count in sorted(tally.items(), key=lambda item: item[0][0]):
        top = next((f for f in plan.expected if f"{folder}/".startswith(f"{f}/")), folder)
        counts = sums.setdefault(top, {})
        counts[outcome] = counts.get(outcome, 0) + count
    return tuple(
        FolderSummary(
            folder=folder,
            written=counts.get(Outcome.WRITTEN, 0),
            already_there=counts.get(Outcome.ALREADY_THERE, 0),
            expected=plan.expected.get(folder),
        )
        for folder, counts in sums.items()
    )
