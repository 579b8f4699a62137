"""Finds the images of a data set for classification, and their classes; reads none of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.check_report import Note, ProblemKind
from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.errors import DatasetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif")
"""Of images in class folders, in upper or lower case; other files are ignored, as upstream does."""


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """An image file and its class."""

    name: str
    """The file's name without its suffix; where two have the same, the path below the images."""
    path: Path
    label: int


@dataclass(frozen=True, kw_only=True)
class ClassListing:
    """What there is of a validation split."""

    root: Path
    """The data set's own folder."""
    images: tuple[LabelledImage, ...]
    """Those that are there, in the order of the list or of the folders."""
    list_file: Path | None
    """Where classes come from; None: from the folders."""
    notes: tuple[Note, ...]
    """What is wrong. All but wrong counts keep it from being opened."""


def find_images(layout: ClassFolders, data_root: Path) -> ClassListing:
    """Return what there is of the split; what is missing is noted, not raised.

    Args:
        layout: which folders, lists and classes to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.

    Raises:
        DatasetError: there is no image folder, so this is not the data set's place.

    Source:
        mmclassification 0.25.0, mmcls/datasets/imagenet.py, ImageNet; mmpretrain 1.2.0 prefers the
        list where both could be used.
    """
    expected = f"a folder of images for each class in {layout.root}/{layout.image_dir}"
    if layout.list_file is not None:
        expected += f", or images there and their classes in {layout.root}/{layout.list_file}"
    root = layout.find_root(data_root, expected=expected)
    folder = root / layout.image_dir
    list_file = None if layout.list_file is None else root / layout.list_file
    notes: list[Note] = []
    if list_file is not None and list_file.exists():
        entries = _listed(list_file, len(layout.folders), notes)
    else:
        list_file = None
        entries = [*images_in_folders(folder, layout.folders)]
        notes += _folder_notes(layout, folder, has_images=bool(entries))
    present = [(path, label) for path, label in entries if (folder / path).is_file()]
    missing = [path for path, label in entries if not (folder / path).is_file()]
    notes += [(ProblemKind.MISSING_IMAGE, path) for path in missing]
    names = _names([path for path, _ in present])
    images = tuple(
        LabelledImage(name=name, path=folder / path, label=label)
        for name, (path, label) in zip(names, present, strict=True)
    )
    return ClassListing(
        root=root,
        images=images,
        list_file=list_file,
        notes=(*notes, *_known_notes(layout, images), *_count_notes(layout, images)),
    )


def images_in_folders(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield path and class of every image in class folders; paths are below ``folder``.

    Args:
        folder: the folder of the class folders.
        names: of the class folders, in the order of the classes; those without images may be
            missing.
    """
    for label, name in enumerate(names):
        # os.walk, because it follows linked folders and can be made to complain about closed ones.
        found = [
            Path(parent, file).relative_to(folder).as_posix()
            for parent, _, files in os.walk(folder / name, followlinks=True, onerror=_raise)
            for file in files
            if file.lower().endswith(SUFFIXES) and not file.startswith(".")
        ]
        yield from ((path, label) for path in sorted(found))


def entries_in_list(text: str) -> Iterator[tuple[str, str]]:
    """Yield path and class of every line, as text; paths may hold blanks."""
    for line in text.splitlines():
        if line.strip():
            path, _, label = line.strip().rpartition(" ")
            yield path, label


def _listed(list_file: Path, num_classes: int, notes: list[Note]) -> list[tuple[str, int]]:
    try:
        text = list_file.read_text(encoding="utf-8")
    except OSError as error:
        notes.append((ProblemKind.ABSENT, f"{list_file} cannot be read: {error.strerror}."))
        return []
    except UnicodeDecodeError:
        notes.append((ProblemKind.ABSENT, f"{list_file} is not a text file. Copy it again."))
        return []
    entries: dict[str, int] = {}
    for path, label in entries_in_list(text):
        is_class = label.isascii() and label.isdigit() and int(label) < num_classes
        if not path or not is_class:
            reason = f"not a path and a class of 0 to {num_classes - 1}"
            notes.append((ProblemKind.MALFORMED, f'"{path} {label}" is {reason}'))
        elif path in entries:
            notes.append((ProblemKind.DUPLICATE_IMAGES, path))
        else:
            entries[path] = int(label)
    if not entries and not notes:
        notes.append((ProblemKind.ABSENT, f"{list_file} lists no images."))
    return [*entries.items()]


def _folder_notes(layout: ClassFolders, folder: Path, *, has_images: bool) -> Iterator[Note]:
    """Note class folders that are missing, and those of other data sets."""
    there = {entry.name for entry in folder.iterdir() if entry.is_dir()}
    if not has_images:
        list_wanted = f", and there is no {layout.list_file}" if layout.list_file else ""
        yield ProblemKind.ABSENT, f"{folder} has no class folders with images{list_wanted}."
        return
    names = dict(zip(layout.folders, layout.classes.names, strict=True))
    for name in layout.folders:
        if name not in there:
            yield ProblemKind.CATEGORIES, f"the folder {name} ({names[name]}) is missing"
    for name in sorted(there - names.keys()):
        yield ProblemKind.CATEGORIES, f"the folder {name} is not one of the classes'"


def _known_notes(layout: ClassFolders, images: Sequence[LabelledImage]) -> Iterator[Note]:
    # The development kit numbers classes from 1 and in another order; lists of its numbers exist.
    for image in images:
        label = layout.known_labels.get(image.path.stem)
        if label is not None and label != image.label:
            text = (
                f"{image.path.name} shows class {label}, but class {image.label} is stored: "
                "classes count from 0 in the order of their sorted folder names"
            )
            yield ProblemKind.CATEGORIES, text


def _count_notes(layout: ClassFolders, images: Sequence[LabelledImage]) -> Iterator[Note]:
    if not images:
        return
    if len(images) != layout.num_images:
        text = f"there are {len(images)} images; the complete split has {layout.num_images}"
        yield ProblemKind.COUNT, text
    counts = Counter(image.label for image in images)
    for label, folder in enumerate(layout.folders):
        if counts[label] != layout.images_per_class:
            name = layout.classes.names[label]
            text = f"class {label}, {folder} ({name}), has {counts[label]} images"
            yield ProblemKind.COUNT, f"{text}, not {layout.images_per_class}"


def _names(paths: Sequence[str]) -> Sequence[str]:
    """Return the images' names, the same in both layouts where file names allow it."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else paths


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        msg = f"{error.filename} cannot be listed: {error.strerror}."
        raise DatasetError(msg)
