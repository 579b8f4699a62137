"""COCO's instances file: what it lists, and everything that is wrong with it.

Problems are collected, not raised, so that opening a data set and checking it say the same.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.coco_layout import CocoLayout
from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.datasets.places import find_root
from hrnet_zoo.datasets.wording import count_of
from hrnet_zoo.errors import DatasetError

_LISTS = ("images", "annotations", "categories")
_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class ListedImage:
    """One image of the annotation file, with its annotations."""

    id: int
    name: str
    """The file name without its suffix, subfolders included."""
    path: Path
    size: tuple[int, int]
    """(height, width) as listed."""
    annotations: tuple[Mapping[str, Any], ...]
    """As they stand in the file, crowds included."""


@dataclass(frozen=True, kw_only=True)
class FoundInstances:
    """What the annotation file says, and what is wrong with it or with the files it names."""

    root: Path
    """The data set's own folder."""
    ground_truth: dict[str, Any]
    """The file as parsed; empty if it could not be used at all."""
    images: tuple[ListedImage, ...] = ()
    """By id; those with and without annotations."""
    notes: tuple[Note, ...] = ()


def find_instances(layout: CocoLayout, data_root: Path) -> FoundInstances:
    """Read the annotation file and look for the images it lists; reads no image.

    Args:
        layout: which files and classes to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.

    Raises:
        DatasetError: neither images nor annotations are there.
    """
    root = find_root(
        layout,
        data_root,
        layout.annotation_file,
        expected=f"images in {layout.root}/{layout.image_dir} and annotations in "
        f"{layout.root}/{layout.annotation_file}",
    )
    path = root / layout.annotation_file
    try:
        content = _read_instances(path)
    except DatasetError as error:
        return _unusable(root, ProblemKind.ANNOTATIONS, str(error))
    wrong = _category_difference(content["categories"], layout)
    if wrong is not None:
        text = f"{path} {wrong}. Is it {PurePosixPath(layout.annotation_file).name}?"
        return _unusable(root, ProblemKind.CATEGORIES, text)
    images = [entry for entry in content["images"] if _is_image(entry)]
    annotations = [entry for entry in content["annotations"] if _is_annotation(entry)]
    listed = _listed(root / layout.image_dir, images, annotations)
    return FoundInstances(
        root=root,
        ground_truth=content,
        images=listed,
        notes=(
            *_malformed("image", content["images"], len(images)),
            *_malformed("annotation", content["annotations"], len(annotations)),
            *_duplicates(listed, annotations),
            *_unknown(annotations, {image.id for image in listed}, set(layout.category_ids)),
            *((ProblemKind.MISSING_IMAGE, i.name) for i in listed if not i.path.is_file()),
        ),
    )


def has_masks_throughout(ground_truth: Mapping[str, Any]) -> bool:
    """Whether every annotation has a mask, so that masks can be scored."""
    return all("segmentation" in annotation for annotation in ground_truth["annotations"])


def require_usable(
    layout: CocoLayout, found: FoundInstances, *, images_needed: bool = True
) -> None:
    """Raise DatasetError if anything is wrong.

    Args:
        layout: of the data set.
        found: what is there.
        images_needed: whether images must be there; results are scored without them.
    """
    if not found.ground_truth:
        raise DatasetError(found.notes[0][1])
    notes = [n for n in found.notes if images_needed or n[0] is not ProblemKind.MISSING_IMAGE]
    if notes:
        msg = (
            f"{layout.title} in {found.root} cannot be used: {_summary_of(notes)}. "
            '"hrnet-zoo data check" lists more; unpack it again from the official download.'
        )
        raise DatasetError(msg)
    if not found.images:
        msg = f"{found.root / layout.annotation_file} lists no images. Unpack it again."
        raise DatasetError(msg)


def _summary_of(notes: Iterable[Note]) -> str:
    """Return in one line what is wrong: every kind of problem with its number and examples."""
    by_kind: dict[ProblemKind, list[str]] = {}
    for kind, text in notes:
        by_kind.setdefault(kind, []).append(text)
    return "; ".join(
        line for kind, texts in by_kind.items() for line in count_of(texts, kind.value, _SHOWN)
    )


def is_number(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Whether a JSON value is a finite number; Python reads NaN and Infinity too."""
    return type(value) in (int, float) and math.isfinite(value)


def is_box(value: object) -> bool:
    """Whether a JSON value is a box: x, y, width, height."""
    return isinstance(value, list) and len(value) == 4 and all(map(is_number, value))


def _unusable(root: Path, kind: ProblemKind, text: str) -> FoundInstances:
    return FoundInstances(root=root, ground_truth={}, notes=((kind, text),))


def _read_instances(path: Path) -> dict[str, Any]:
    again = "Unpack it again from the official download"
    try:
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is not intact JSON ({error}). {again}; it was probably cut short."
        raise DatasetError(msg) from None
    lacking = [key for key in _LISTS if not _has_list(content, key)]
    if lacking:
        msg = f"{path} is not an instances file: it has no list of {', '.join(lacking)}. {again}."
        raise DatasetError(msg)
    return dict(content)


def _has_list(content: object, key: str) -> bool:
    return isinstance(content, dict) and isinstance(content.get(key), list)


def _category_difference(categories: Sequence[object], layout: CocoLayout) -> str | None:
    """Say how the categories differ from the data set's, or None if they do not."""
    expected = dict(zip(layout.category_ids, layout.classes.names, strict=True))
    entries = [c for c in categories if isinstance(c, dict)]
    pairs = [(c.get("id"), c.get("name")) for c in entries]
    if len(pairs) != len(expected) or len(entries) != len(categories):
        return f"has {len(categories)} categories; {layout.title} has {len(expected)}"
    for pair in pairs:
        if pair not in expected.items():
            own = f"{layout.title} does not have"
            return f"has the category {pair[1]!r} with id {pair[0]}, which {own}"
    return "lists a category twice" if len(set(pairs)) < len(pairs) else None


def _is_image(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and all(type(entry.get(key)) is int for key in ("id", "height", "width"))
        and isinstance(entry.get("file_name"), str)
    )


def _is_annotation(entry: object) -> bool:
    """Whether evaluation can use an annotation; id 0 would mean "no match" to pycocotools."""
    if not isinstance(entry, dict):
        return False
    return (
        all(type(entry.get(key)) is int for key in ("id", "image_id", "category_id"))
        and entry["id"] > 0
        and entry.get("iscrowd") in (0, 1)
        and is_number(entry.get("area"))
        and is_box(entry.get("bbox"))
        and isinstance(entry.get("segmentation", []), list | dict)
    )


def _malformed(what: str, entries: Sequence[object], num_good: int) -> Iterator[Note]:
    is_good = _is_image if what == "image" else _is_annotation
    if num_good < len(entries):
        for position, entry in enumerate(entries):
            if not is_good(entry):
                yield ProblemKind.MALFORMED, f"{what} no. {position + 1}"


def _listed(
    folder: Path, images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]]
) -> tuple[ListedImage, ...]:
    by_image: dict[int, list[Mapping[str, Any]]] = {}
    for annotation in annotations:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    return tuple(
        ListedImage(
            id=image["id"],
            name=PurePosixPath(image["file_name"]).with_suffix("").as_posix(),
            path=folder / image["file_name"],
            size=(image["height"], image["width"]),
            annotations=tuple(by_image.get(image["id"], ())),
        )
        for image in sorted(images, key=lambda entry: int(entry["id"]))
    )


def _duplicates(
    images: Sequence[ListedImage], annotations: Sequence[Mapping[str, Any]]
) -> Iterator[Note]:
    for kind, occurrences in (
        (ProblemKind.DUPLICATE_IMAGES, Counter[object](image.id for image in images)),
        (ProblemKind.DUPLICATE_IMAGES, Counter[object](image.name for image in images)),
        (ProblemKind.DUPLICATE_ANNOTATIONS, Counter[object](a["id"] for a in annotations)),
    ):
        yield from ((kind, str(what)) for what, count in occurrences.items() if count > 1)


def _unknown(
    annotations: Sequence[Mapping[str, Any]], image_ids: set[int], category_ids: set[int]
) -> Iterator[Note]:
    for annotation in annotations:
        for key, known in (("image_id", image_ids), ("category_id", category_ids)):
            if annotation[key] not in known:
                text = f"annotation {annotation['id']} has {key} {annotation[key]}"
                yield ProblemKind.UNKNOWN_IDS, text
