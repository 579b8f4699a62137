"""Finds a data set's files and pairs images with labels; reads none of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.datasets.label_layout import LabelFiles, LabelLayout
from hrnet_zoo.datasets.places import find_root
from hrnet_zoo.errors import DatasetError


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An image and its label file."""

    name: str
    """The image's path below the image folder, without its suffix."""
    image: Path
    label: Path
    kind: LabelFiles


@dataclass(frozen=True, kw_only=True)
class Pairing:
    """What lies in the folders of a data set, paired as far as it pairs."""

    root: Path
    """The data set's own folder."""
    pairs: tuple[Pair, ...] = ()
    num_images: int
    """Images of the split that are there; without pairs, all in the folder."""
    num_labels: int
    """Label files likewise, of all kinds one per image."""
    absent: tuple[str, ...] = ()
    """Folders and lists that are missing, one message each; then nothing is paired."""
    unlabelled: tuple[str, ...] = ()
    """Names of images without a label file."""
    unlisted: tuple[str, ...] = ()
    """Names of label files without an image, where no list says what belongs to the split."""
    missing: tuple[str, ...] = ()
    """Names of images that are listed but not there."""


def pair_files(layout: LabelLayout, data_root: Path) -> Pairing:
    """Return what is there of the validation split; what is not is noted, not raised.

    Args:
        layout: which folders and names to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.

    Raises:
        DatasetError: there is no image folder, so this is not the data set's place.
    """
    root = find_root(
        layout,
        data_root,
        expected=f"images named *{layout.image_suffix} in {layout.root}/{layout.image_dir} and "
        f"labels named *{layout.labels[-1].suffix} in {layout.root}/{layout.label_dir}",
    )
    absent: list[str] = []
    images: dict[str, Path] = {}
    labels: list[dict[str, Path]] = []
    stems: list[str] = []
    with _noting(absent):
        images = _files_by_stem(root / layout.image_dir, layout.image_suffix)
    images_listed = not absent
    with _noting(absent):
        labels = _label_files(layout, root)
    listed = layout.split_file is not None
    with _noting(absent):
        stems = _listed_stems(root / layout.split_file) if layout.split_file else sorted(images)
    if images_listed and not images:
        absent.append(
            f"{layout.title} in {root} is incomplete: "
            f"no file {root / layout.image_dir}/**/*{layout.image_suffix} was found."
        )
    labelled = set().union(*labels)
    if absent:
        return Pairing(
            root=root, num_images=len(images), num_labels=len(labelled), absent=tuple(absent)
        )
    return Pairing(
        root=root,
        pairs=tuple(_pairs(layout, stems, images, labels)),
        num_images=sum(stem in images for stem in stems),
        num_labels=len(labelled.intersection(stems) if listed else labelled),
        unlabelled=tuple(stem for stem in stems if stem in images and stem not in labelled),
        unlisted=() if listed else tuple(sorted(labelled.difference(stems))),
        missing=tuple(stem for stem in stems if stem not in images),
    )


def _label_files(layout: LabelLayout, root: Path) -> list[dict[str, Path]]:
    """Return stem -> file for every kind of label file."""
    folder = root / layout.label_dir
    if not folder.is_dir():
        msg = f"{layout.title} lacks its labels: there is no folder {folder}."
        raise DatasetError(msg)
    return [_files_by_stem(folder, kind.suffix) for kind in layout.labels]


def _pairs(
    layout: LabelLayout,
    stems: list[str],
    images: Mapping[str, Path],
    labels: list[dict[str, Path]],
) -> Iterator[Pair]:
    for stem in stems:
        for files, kind in zip(labels, layout.labels, strict=True):
            if stem in images and stem in files:
                yield Pair(name=stem, image=images[stem], label=files[stem], kind=kind)
                break


@contextmanager
def _noting(messages: list[str]) -> Iterator[None]:
    try:
        yield
    except DatasetError as error:
        messages.append(str(error))


def _files_by_stem(folder: Path, suffix: str) -> dict[str, Path]:
    """Return stem -> file for all files below ``folder`` with that suffix."""
    found = {}
    # os.walk, because it follows linked folders and can be made to complain about closed ones.
    for parent, _, names in os.walk(folder, followlinks=True, onerror=_raise):
        for name in names:
            if name.endswith(suffix) and not name.startswith("."):
                path = Path(parent, name)
                found[path.relative_to(folder).as_posix().removesuffix(suffix)] = path
    return found


def _raise(error: OSError) -> None:
    msg = f"{error.filename} cannot be listed: {error.strerror}."
    raise DatasetError(msg)


def _listed_stems(split_file: Path) -> list[str]:
    try:
        lines = split_file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        msg = f"The list of validation images {split_file} cannot be read: {error.strerror}."
        raise DatasetError(msg) from None
    except UnicodeDecodeError:
        msg = f"The list of validation images {split_file} is not a text file. Copy it again."
        raise DatasetError(msg) from None
    return [line.strip() for line in lines if line.strip()]
