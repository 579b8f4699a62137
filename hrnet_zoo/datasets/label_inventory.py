"""What a check finds in a data set with label images; opening one stops at the first problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.checking import decoded, noting
from hrnet_zoo.datasets.digests import digest_of
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.inventory import Inventory, Seen
from hrnet_zoo.datasets.label_layout import LabelLayout
from hrnet_zoo.datasets.label_pairing import Pair, Pairing, pair_files
from hrnet_zoo.datasets.label_samples import label_tables, labels_of, require_one_size


def list_label_images(layout: LabelLayout, folder: Path) -> Inventory[Pair]:
    """Return what is there of the split and what is wrong with it; reads no image.

    Raises:
        DatasetError: there is no image folder, so this is not the data set's place.
    """
    found = pair_files(layout, folder)
    return Inventory(
        root=found.root,
        items=found.pairs,
        look_at=partial(_look_at, label_tables(layout)),
        num_images=found.num_images,
        num_labels=found.num_labels,
        label_files=dict(Counter(pair.kind.suffix for pair in found.pairs)),
        notes=[*_notes(layout, found)],
    )


def _look_at(tables: dict[str, NDArray[np.uint8]], pair: Pair) -> Seen:
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
            labels = labels_of(pair, label[1], tables[pair.kind.suffix])
            shown = frozenset(np.flatnonzero(np.bincount(labels.ravel())).tolist())
    return Seen(
        size=(image[1].shape[1], image[1].shape[0]) if image else None,
        labels=shown,
        digest=digest_of(image[0], label[0]) if image and label else "",
        notes=tuple(notes),
    )


def _notes(layout: LabelLayout, found: Pairing) -> Iterator[Note]:
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
