"""Holds a data set on disk against its layout, and collects everything that is wrong with it.

Evaluation stops at the first bad file; here all are found in one go, before a long run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.check_report import CheckReport, Note, Problem, ProblemKind
from hrnet_zoo.datasets.checking import (
    choose,
    decoded,
    grouped,
    look_at_all,
    noting,
    size_counts,
)
from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.layouts import DATASETS, IGNORED, DatasetLayout
from hrnet_zoo.datasets.pairing import Pair, Pairing, pair_files
from hrnet_zoo.datasets.segmentation import (
    fingerprint,
    label_table,
    labels_of,
    require_one_size,
    sample_digest,
)
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What the two files of a pair showed."""

    size: tuple[int, int] | None = None
    """(width, height) of the image."""
    labels: NDArray[np.bool_] | None = None
    """Which of the 256 labels occur."""
    digest: str | None = None
    notes: tuple[Note, ...] = ()


def check_dataset(
    name: str,
    folder: Path,
    *,
    workers: int,
    sample: int | None = None,
    progress: Progress,
) -> CheckReport:
    """Return what is there of a data set's validation split, and all that is wrong with it.

    Args:
        name: of the data set, as in `DATASETS`.
        folder: the folder that holds the data set's own folder, or that folder itself.
        workers: threads that read and decode; the report does not depend on it.
        sample: read only so many pairs, always the same ones; None: all.
        progress: told about every pair that was read.
    """
    layout = DATASETS[name]
    progress.begin(f"listing the files of {layout.title}", None, "")
    try:
        found = pair_files(layout, folder)
    except DatasetError as error:
        absent = Problem(kind=ProblemKind.ABSENT, count=1, examples=(str(error),))
        return CheckReport(name=name, root=None, num_expected=layout.num_images, problems=(absent,))
    chosen = choose(found.pairs, sample)
    progress.begin(f"checking {layout.title}", len(chosen), "images")
    num_classes = len(class_table(name).names)
    tables = {kind.suffix: label_table(layout, kind, num_classes) for kind in layout.labels}
    seen = look_at_all(
        chosen, lambda pair: _look_at(pair, tables[pair.kind.suffix]), workers, progress
    )
    notes = [*_pairing_notes(layout, found), *(note for s in seen for note in s.notes)]
    if len(chosen) == len(found.pairs):
        notes += _boundary_note(layout, seen)
    return CheckReport(
        name=name,
        root=found.root,
        num_expected=layout.num_images,
        num_images=found.num_images,
        num_labels=found.num_labels,
        num_pairs=len(found.pairs),
        num_read=len(chosen),
        label_files=Counter(pair.kind.suffix for pair in found.pairs),
        sizes=size_counts(one.size for one in seen),
        unseen_classes=_unseen_classes(name, seen),
        problems=grouped(notes, found.root),
        fingerprint=_fingerprint(found, chosen, seen),
    )


def _look_at(pair: Pair, table: NDArray[np.uint8]) -> _Seen:
    """Read both files to the end, also when the first is bad."""
    notes: list[Note] = []
    image = decoded(pair.image, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    label = decoded(pair.label, decode_label, ProblemKind.DAMAGED_LABEL, notes)
    shown = None
    if image and label:
        with noting(ProblemKind.SIZES, notes):
            require_one_size(pair, image[1], label[1])
    if label:
        with noting(ProblemKind.VALUES, notes):
            labels = labels_of(pair, label[1], table)
            shown = np.bincount(labels.ravel(), minlength=256) > 0
    return _Seen(
        size=(image[1].shape[1], image[1].shape[0]) if image else None,
        labels=shown,
        digest=sample_digest(image[0], label[0]) if image and label else None,
        notes=tuple(notes),
    )


def _pairing_notes(layout: DatasetLayout, found: Pairing) -> Iterator[Note]:
    yield from ((ProblemKind.ABSENT, message) for message in found.absent)
    if found.absent:
        return
    num_images = len(found.pairs) + len(found.unlabelled) + len(found.missing)
    if num_images != layout.num_images:
        what = f"{layout.split_file} lists" if layout.split_file else f"{layout.image_dir} holds"
        yield (
            ProblemKind.COUNT,
            f"{what} {num_images} images; the complete split has {layout.num_images}",
        )
    for kind, names in (
        (ProblemKind.MISSING_IMAGE, found.missing),
        (ProblemKind.NO_LABEL, found.unlabelled),
        (ProblemKind.NO_IMAGE, found.unlisted),
    ):
        yield from ((kind, name) for name in names)


def _boundary_note(layout: DatasetLayout, seen: Sequence[_Seen]) -> Iterator[Note]:
    """Tell labels that have boundaries from those that leave them out; both are intact."""
    known = any(one.labels is not None for one in seen)
    if layout.boundaries_ignored and known and not _shown(seen)[IGNORED]:
        text = (
            f"no file in {layout.label_dir} has an ignored pixel, but {layout.title} leaves out "
            "the boundaries of objects; take the labels from the archive that hrnet-zoo data show "
            "names"
        )
        yield ProblemKind.BOUNDARIES, text


def _shown(seen: Sequence[_Seen]) -> NDArray[np.bool_]:
    """Return which of the 256 labels occur anywhere."""
    shown = np.zeros(256, np.bool_)
    for one in seen:
        if one.labels is not None:
            shown |= one.labels
    return shown


def _unseen_classes(name: str, seen: Sequence[_Seen]) -> tuple[str, ...] | None:
    if all(one.labels is None for one in seen):
        return None
    shown = _shown(seen)
    return tuple(n for label, n in enumerate(class_table(name).names) if not shown[label])


def _fingerprint(found: Pairing, chosen: Sequence[Pair], seen: Sequence[_Seen]) -> str | None:
    """Return what a record of an evaluation would hold, where there could be one."""
    incomplete = found.absent or found.unlabelled or found.unlisted or found.missing
    if incomplete or not chosen or len(chosen) < len(found.pairs) or any(s.notes for s in seen):
        return None
    return fingerprint({p.name: s.digest or "" for p, s in zip(chosen, seen, strict=True)})
