"""The samples of a data set for classification: an image with its class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.check_report import Inventory, Note, ProblemKind, Seen
from hrnet_zoo.datasets.checking import decoded
from hrnet_zoo.datasets.class_folders import ClassFolders
from hrnet_zoo.datasets.class_listing import ClassListing, LabelledImage, find_images
from hrnet_zoo.datasets.digests import digest_of, stamp_of
from hrnet_zoo.datasets.images import decode_image, read_bytes


@dataclass(frozen=True, kw_only=True)
class ClassSample:
    """One decoded image with its class."""

    name: str
    """See `LabelledImage.name`."""
    image: NDArray[np.uint8]
    """RGB [H, W, 3]."""
    label: int
    """0 to K - 1."""
    digest: str
    """SHA-256 over the file's content and the class; the same in both layouts."""


class ClassSamples:
    """The validation split of one data set; images are read when asked for."""

    def __init__(self, layout: ClassFolders, listing: ClassListing) -> None:
        self.root = listing.root
        self.num_classes = len(layout.folders)
        self._list_file = listing.list_file
        self._images = listing.images

    def __len__(self) -> int:
        return len(self._images)

    def name_of(self, index: int) -> str:
        """Return the name of image ``index`` without reading it."""
        return self._images[index].name

    def path_of(self, index: int) -> Path:
        """Return the file of image ``index``."""
        return self._images[index].path

    def label_of(self, index: int) -> int:
        """Return the class of image ``index`` without reading it."""
        return self._images[index].label

    def stamp(self, num_images: int) -> str:
        """Return a digest of the list's and the first images' names, sizes and times.

        It is cheap, for it reads no contents.
        """
        lists = [("list", self._list_file)] if self._list_file is not None else []
        images = [(image.name, image.path) for image in self._images[:num_images]]
        return stamp_of([*lists, *images])

    def load(self, index: int) -> ClassSample:
        """Read and decode image ``index``; safe to call from several threads.

        Raises:
            DatasetError: the file is damaged.
        """
        listed = self._images[index]
        content = read_bytes(listed.path)
        return ClassSample(
            name=listed.name,
            image=decode_image(content, listed.path),
            label=listed.label,
            digest=class_digest(content, listed),
        )


def open_classes(layout: ClassFolders, data_root: Path) -> ClassSamples:
    """Return the validation split below ``data_root``; no image is read yet.

    Args:
        layout: which folders, lists and classes to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.

    Raises:
        DatasetError: classes or listed images are missing, or classes are not the data set's.
    """
    listing = find_images(layout, data_root)
    _inventory(listing).require_usable(layout.title)
    return ClassSamples(layout, listing)


def list_classes(layout: ClassFolders, folder: Path) -> Inventory[LabelledImage]:
    """List the images and return what is wrong with the folders or the list; reads no image.

    Raises:
        DatasetError: there is no image folder.
    """
    return _inventory(find_images(layout, folder))


def class_digest(content: bytes, listed: LabelledImage) -> str:
    """Return the SHA-256 over an image file and its class."""
    return digest_of(content, str(listed.label).encode())


def _inventory(found: ClassListing) -> Inventory[LabelledImage]:
    return Inventory(
        root=found.root,
        items=found.images,
        look_at=_look_at,
        num_images=len(found.images),
        labels=frozenset(image.label for image in found.images) if found.images else None,
        notes=found.notes,
    )


def _look_at(image: LabelledImage) -> Seen:
    notes: list[Note] = []
    file = decoded(image.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    if file is None:
        return Seen(notes=tuple(notes))
    content, pixels = file
    return Seen(size=(pixels.shape[1], pixels.shape[0]), digest=class_digest(content, image))
