"""What a check finds in a data set with COCO's annotations."""

from __future__ import annotations

from pathlib import Path

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.checking import decoded, noting
from hrnet_zoo.datasets.coco_annotations import ListedImage, find_instances
from hrnet_zoo.datasets.coco_layout import CocoLayout
from hrnet_zoo.datasets.coco_samples import detection_digest, require_listed_size
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.inventory import Inventory, Seen


def list_coco(layout: CocoLayout, folder: Path) -> Inventory[ListedImage]:
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
    used = {entry["category_id"] for image in found.images for entry in image.annotations}
    labels = frozenset(label for label, id_ in enumerate(layout.category_ids) if id_ in used)
    return Inventory(
        root=found.root,
        items=present,
        look_at=_look_at,
        num_images=len(present),
        num_annotations=sum(len(image.annotations) for image in found.images),
        labels=labels if found.ground_truth else None,
        notes=notes,
    )


def _look_at(image: ListedImage) -> Seen:
    notes: list[Note] = []
    file = decoded(image.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    if file is None:
        return Seen(notes=tuple(notes))
    content, pixels = file
    with noting(ProblemKind.LISTED_SIZE, notes):
        require_listed_size(image, pixels)
    return Seen(
        size=(pixels.shape[1], pixels.shape[0]),
        digest=detection_digest(content, image),
        notes=tuple(notes),
    )
