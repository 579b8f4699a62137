"""Holds a detection data set on disk against its layout, and collects everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from hrnet_zoo.datasets.coco import detection_digest, require_listed_size
from hrnet_zoo.datasets.coco_annotations import FoundInstances, ListedImage, find_instances
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.layouts import DETECTION_DATASETS, DetectionLayout
from hrnet_zoo.datasets.segmentation import fingerprint
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.progress import Progress


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What an image file showed."""

    size: tuple[int, int] | None = None
    """(width, height)."""
    digest: str = ""
    notes: tuple[Note, ...] = ()


def check_detection(
    name: str,
    folder: Path,
    *,
    workers: int,
    sample: int | None = None,
    progress: Progress,
) -> CheckReport:
    """Return what is there of a detection data set, and all that is wrong with it.

    Args:
        name: of the data set, as in `DETECTION_DATASETS`.
        folder: the folder that holds the data set's own folder, or that folder itself.
        workers: threads that read and decode; the report does not depend on it.
        sample: read only so many images, always the same ones; None: all.
        progress: told about every image that was read.
    """
    layout = DETECTION_DATASETS[name]
    progress.begin(f"reading the annotations of {layout.title}", None, "")
    try:
        found = find_instances(layout, name, folder)
    except DatasetError as error:
        absent = Problem(kind=ProblemKind.ABSENT, count=1, examples=(str(error),))
        return CheckReport(name=name, root=None, num_expected=layout.num_images, problems=(absent,))
    missing = {text for kind, text in found.notes if kind is ProblemKind.MISSING_IMAGE}
    present = [image for image in found.images if image.name not in missing]
    chosen = choose(present, sample)
    progress.begin(f"checking {layout.title}", len(chosen), "images")
    seen = look_at_all(chosen, _look_at, workers, progress)
    notes = [*_count_note(layout, found), *found.notes, *(note for s in seen for note in s.notes)]
    return CheckReport(
        name=name,
        root=found.root,
        num_expected=layout.num_images,
        num_images=len(present),
        num_pairs=len(present),
        num_annotations=sum(len(image.annotations) for image in found.images),
        num_read=len(chosen),
        sizes=size_counts(one.size for one in seen),
        unseen_classes=_unused(name, layout, found),
        problems=grouped(notes, found.root),
        fingerprint=_fingerprint(found, chosen, seen),
    )


def _look_at(image: ListedImage) -> _Seen:
    notes: list[Note] = []
    file = decoded(image.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    if file is None:
        return _Seen(notes=tuple(notes))
    content, pixels = file
    with noting(ProblemKind.LISTED_SIZE, notes):
        require_listed_size(image, pixels)
    return _Seen(
        size=(pixels.shape[1], pixels.shape[0]),
        digest=detection_digest(content, image),
        notes=tuple(notes),
    )


def _count_note(layout: DetectionLayout, found: FoundInstances) -> Iterator[Note]:
    if found.ground_truth and len(found.images) != layout.num_images:
        text = (
            f"{layout.annotation_file} lists {len(found.images)} images; the complete split has "
            f"{layout.num_images}"
        )
        yield ProblemKind.COUNT, text


def _unused(name: str, layout: DetectionLayout, found: FoundInstances) -> tuple[str, ...] | None:
    """Return the classes without an annotation."""
    if not found.ground_truth:
        return None
    used = {entry["category_id"] for image in found.images for entry in image.annotations}
    classes = zip(layout.category_ids, class_table(name).names, strict=True)
    return tuple(class_name for id_, class_name in classes if id_ not in used)


def _fingerprint(
    found: FoundInstances, chosen: Sequence[ListedImage], seen: Sequence[_Seen]
) -> str | None:
    """Return what a record of an evaluation would hold, where there could be one."""
    incomplete = found.notes or not chosen or len(chosen) < len(found.images)
    if incomplete or any(one.notes for one in seen):
        return None
    return fingerprint({i.name: s.digest for i, s in zip(chosen, seen, strict=True)})
