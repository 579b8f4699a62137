"""What a check finds in a data set with label images; opening one stops at the first problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.checking import decoded, noting
from hrnet_zoo.datasets.digests import digest_of
from hrnet_zoo.datasets.images import decode_image, decode_label
from hrnet_zoo.datasets.inventory import Inventory, Seen
from hrnet_zoo.datasets.label_layout import IGNORED, LabelLayout
from hrnet_zoo.datasets.label_pairing import Pair, Pairing, pair_files
from hrnet_zoo.datasets.label_samples import label_tables, labels_of, require_one_size


def list_label_images(layout: LabelLayout, folder: Path) -> LabelInventory:
    """Return what is there of the split and what is wrong with it; reads no image.

    Raises:
        DatasetError: there is no image folder, so this is not the data set's place.
    """
    found = pair_files(layout, folder)
    return LabelInventory(
        layout=layout,
        root=found.root,
        items=found.pairs,
        num_images=found.num_images,
        num_labels=found.num_labels,
        label_files=dict(Counter(pair.kind.suffix for pair in found.pairs)),
        notes=[*_notes(layout, found)],
    )


@dataclass(frozen=True, kw_only=True)
class LabelInventory(Inventory[Pair]):
    """The images of a split that have labels."""

    layout: LabelLayout

    def look_at(self, item: Pair) -> Seen:
        """Read both files to the end, also when the first is bad."""
        notes: list[Note] = []
        image = decoded(item.image, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
        label = decoded(item.label, decode_label, ProblemKind.DAMAGED_LABEL, notes)
        shown = None
        if image and label:
            with noting(ProblemKind.SIZES, notes):
                require_one_size(item, image[1], label[1])
        if label:
            with noting(ProblemKind.VALUES, notes):
                labels = labels_of(item, label[1], label_tables(self.layout)[item.kind.suffix])
                shown = frozenset(np.flatnonzero(np.bincount(labels.ravel())).tolist())
        return Seen(
            size=(image[1].shape[1], image[1].shape[0]) if image else None,
            labels=shown,
            digest=digest_of(image[0], label[0]) if image and label else "",
            notes=tuple(notes),
        )

    def unseen_classes(self, seen: Sequence[Seen]) -> tuple[str, ...] | None:
        """Return the names of classes that no label file shows; None: none could be read."""
        if all(one.labels is None for one in seen):
            return None
        shown = _shown(seen)
        return tuple(n for label, n in enumerate(self.layout.classes.names) if label not in shown)

    def notes_on_all(self, seen: Sequence[Seen]) -> Iterator[Note]:
        """Tell labels that have boundaries from those that leave them out; both are intact."""
        known = any(one.labels is not None for one in seen)
        if self.layout.boundaries_ignored and known and IGNORED not in _shown(seen):
            text = (
                f"no file in {self.layout.label_dir} has an ignored pixel, but "
                f"{self.layout.title} leaves out the boundaries of objects; take the labels from "
                "the archive that hrnet-zoo data show names"
            )
            yield ProblemKind.BOUNDARIES, text


def _shown(seen: Sequence[Seen]) -> frozenset[int]:
    """Return the labels that occur anywhere."""
    return frozenset[int]().union(*(one.labels for one in seen if one.labels is not None))


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
