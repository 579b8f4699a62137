"""The samples of a data set for classification: an image with its class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.checking import decoded
from hrnet_zoo.datasets.class_listing import LabelledImage
from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.digests import digest_of
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.inventory import Seen
from hrnet_zoo.datasets.problems import Note, ProblemKind


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


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassSamples(Samples):
    """The validation split of one data set; images are read when asked for."""

    images: Sequence[LabelledImage]
    list_file: Path | None
    """Where their classes come from; None: from the folders."""

    def label_of(self, index: int) -> int:
        """Return the class of image ``index`` without reading it."""
        return self.images[index].label

    def digest(self, index: int) -> str:
        """Return the SHA-256 over the file's content and the class."""
        listed = self.images[index]
        return class_digest(read_bytes(listed.path), listed)

    def load(self, index: int) -> ClassSample:
        """Read and decode image ``index``; safe to call from several threads.

        Raises:
            DatasetError: the file is damaged.
        """
        listed = self.images[index]
        content = read_bytes(listed.path)
        return ClassSample(
            name=listed.name,
            image=decode_image(content, listed.path),
            label=listed.label,
            digest=class_digest(content, listed),
        )


def class_digest(content: bytes, listed: LabelledImage) -> str:
    """Return the SHA-256 over an image file and its class."""
    return digest_of(content, str(listed.label).encode())


def look_at(image: LabelledImage) -> Seen:
    """Return what the file of an image shows, for a check."""
    notes: list[Note] = []
    file = decoded(image.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    if file is None:
        return Seen(notes=tuple(notes))
    content, pixels = file
    return Seen(size=(pixels.shape[1], pixels.shape[0]), digest=class_digest(content, image))
