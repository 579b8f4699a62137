"""What a check finds in a data set with COCO's annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.checking import decoded, noting
from hrnet_zoo.datasets.coco_annotations import ListedImage, find_instances
from hrnet_zoo.datasets.coco_layout import CocoLayout
from hrnet_zoo.datasets.coco_samples import detection_digest, require_listed_size
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.inventory import Inventory, Seen


def list_coco(layout: CocoLayout, folder: Path) -> CocoInventory:
    """Read the annotations and return what is wrong with them and the images; reads no image.

    Raises:
        DatasetError: neither images nor annotations are there.
    """
    found = find_instances(layout, folder)
    notes = list(found.notes)
    missing = {text for kind, text in notes if kind is ProblemKind.MISSING_IMAGE}
    present = [image for image in found.images if image.name not in missing]
    if found.ground_truth and len(found.images) != layout.num_images:
        text = (
            f"{layout.annotation_file} lists {len(found.images)} images; the complete split has "
            f"{layout.num_images}"
        )
        notes.append((ProblemKind.COUNT, text))
    annotations = [entry for image in found.images for entry in image.annotations]
    used = {entry["category_id"] for entry in annotations}
    classes = zip(layout.category_ids, layout.classes.names, strict=True)
    return CocoInventory(
        root=found.root,
        items=present,
        num_images=len(present),
        num_annotations=len(annotations),
        notes=notes,
        unused=tuple(name for id_, name in classes if id_ not in used)
        if found.ground_truth
        else None,
    )


@dataclass(frozen=True, kw_only=True)
class CocoInventory(Inventory[ListedImage]):
    """The images of a split that are listed and there."""

    unused: tuple[str, ...] | None
    """Classes without an annotation; None: the annotations cannot be used."""

    def look_at(self, item: ListedImage) -> Seen:
        """Read the image file; its annotations have been read."""
        notes: list[Note] = []
        file = decoded(item.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
        if file is None:
            return Seen(notes=tuple(notes))
        content, pixels = file
        with noting(ProblemKind.LISTED_SIZE, notes):
            require_listed_size(item, pixels)
        return Seen(
            size=(pixels.shape[1], pixels.shape[0]),
            digest=detection_digest(content, item),
            notes=tuple(notes),
        )

    def unseen_classes(self, seen: Sequence[Seen]) -> tuple[str, ...] | None:  # noqa: ARG002
        """Return the names of classes without an annotation, whichever images were read."""
        return self.unused
