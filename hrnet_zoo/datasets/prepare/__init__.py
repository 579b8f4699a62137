"""Makes evaluation-ready files from the official downloads; one file per data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.layouts import dataset_names, layout_of
from hrnet_zoo.datasets.prepare.archives import Source
from hrnet_zoo.datasets.prepare.cityscapes import PREPARER as CITYSCAPES
from hrnet_zoo.datasets.prepare.coco import PREPARER as COCO
from hrnet_zoo.datasets.prepare.downloads import DOWNLOADS
from hrnet_zoo.datasets.prepare.isaid import PREPARER as ISAID
from hrnet_zoo.datasets.prepare.isprs import POTSDAM_PREPARER, VAIHINGEN_PREPARER
from hrnet_zoo.datasets.prepare.loveda import PREPARER as LOVEDA
from hrnet_zoo.datasets.prepare.pascal_context import PREPARER as PASCAL_CONTEXT
from hrnet_zoo.datasets.prepare.plan import Plan, Preparer, Request
from hrnet_zoo.datasets.prepare.running import Tally, carry_out
from hrnet_zoo.datasets.prepare.voc_aug import PREPARER as VOC_AUG
from hrnet_zoo.datasets.prepare.writing import Outcome
from hrnet_zoo.errors import UsageError, did_you_mean
from hrnet_zoo.system.progress import Progress

PREPARERS: dict[str, Preparer] = {
    "cityscapes": CITYSCAPES,
    "voc12aug": VOC_AUG,
    "pascal_context": PASCAL_CONTEXT,
    "pascal_context_59": PASCAL_CONTEXT,
    "loveda": LOVEDA,
    "potsdam": POTSDAM_PREPARER,
    "vaihingen": VAIHINGEN_PREPARER,
    "isaid": ISAID,
    "coco": COCO,
}
"""Data set name -> how it is prepared; the others are used as downloaded."""


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
    name: str,
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
        name: of the data set.
        source: folder of the official download, unpacked or as zip files; or one zip file.
        data_root: the folder that holds the data sets' own folders.
        splits: "val", "train" or both.
        workers: source images in work at a time.
        progress: told about every source image.
        overwrite: replace existing files whose content differs; otherwise they are an error.

    Raises:
        UsageError: the data set is unknown, or this split of it needs no preparation.
        DatasetError: the download is incomplete or damaged, or the output cannot be written.
        PrerequisiteError: an optional package is missing.
    """
    preparer = _preparer(name, splits, workers)
    root = data_root / layout_of(name).root
    with Source(source, preparer.zips) as opened:
        request = Request(source=opened, splits=splits, root=root, say=progress.say)
        plan = preparer.plan(request)
        tally = carry_out(
            plan,
            root,
            title=layout_of(name).title,
            workers=workers,
            overwrite=overwrite,
            progress=progress,
        )
    summary = PrepareSummary(name=name, root=root, folders=_by_folder(plan, tally))
    for folder in summary.folders:
        made = folder.written + folder.already_there
        if folder.expected not in (None, made):
            progress.say(
                f"{folder.folder} got {made} files; the complete download makes {folder.expected}"
            )
    return summary


def _preparer(name: str, splits: tuple[str, ...], workers: int) -> Preparer:
    if name not in dataset_names():
        msg = f"There is no data set named {name!r}.{did_you_mean(name, PREPARERS)}"
        raise UsageError(msg)
    if name not in PREPARERS:
        how = f" {DOWNLOADS[name].preparation}" if name in DOWNLOADS else ""
        msg = f"{layout_of(name).title} needs no preparation.{how}"
        raise UsageError(msg)
    preparer = PREPARERS[name]
    unknown = [split for split in splits if split not in ("val", "train")]
    if unknown or not splits:
        msg = f"A split to prepare is val or train, not {unknown[0] if unknown else 'none'!r}."
        raise UsageError(msg)
    ready = [split for split in splits if split not in preparer.splits]
    if ready:
        msg = (
            f"The {ready[0]} split of {layout_of(name).title} needs no preparation; only "
            f"{' and '.join(preparer.splits)} does. {DOWNLOADS[name].preparation}"
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
