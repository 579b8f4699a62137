"""Pairs of image and label files, and the samples that they decode to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.checking import decoded
from hrnet_zoo.datasets.data_set import Samples
from hrnet_zoo.datasets.digests import digest_of
from hrnet_zoo.datasets.images import (
    LARGEST_LIST,
    decode_image,
    decode_label,
    files_below,
    read_bytes,
)
from hrnet_zoo.datasets.inventory import Seen
from hrnet_zoo.datasets.problems import Note, ProblemKind, noting
from hrnet_zoo.errors import DatasetError

INVALID = 254
"""Stands for "no valid label" in tables; labels are at most 150 classes and 255, so it is free."""
_VALUES_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An image and its label file."""

    name: str
    """The image's path below the image folder, without its suffix."""
    path: Path
    label: Path
    table: bytes
    """The label that each of the 256 values in the label file stands for, or `INVALID`."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One decoded image with its labels."""

    name: str
    """The image's path below the image folder, without its suffix."""
    image: NDArray[np.uint8]
    """RGB [H, W, 3]."""
    label: NDArray[np.uint8]
    """[H, W]; 0 to num_classes - 1, or 255 for ignored."""
    digest: str
    """SHA-256 over both files' contents."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelSamples(Samples):
    """The validation split of one data set; item i is decoded when asked for."""

    images: Sequence[Pair]

    def digest(self, index: int) -> str:
        """Return the SHA-256 over both files' contents."""
        pair = self.images[index]
        return digest_of(read_bytes(pair.path), read_bytes(pair.label))

    def load(self, index: int) -> Sample:
        """Read and decode sample ``index``; safe to call from several threads.

        Raises:
            DatasetError: a file is damaged, sizes differ, or a label value is not a class.
        """
        pair = self.images[index]
        image_bytes, label_bytes = read_bytes(pair.path), read_bytes(pair.label)
        image = decode_image(image_bytes, pair.path)
        stored = decode_label(label_bytes, pair.label)
        _require_one_size(pair, image, stored)
        return Sample(
            name=pair.name,
            image=image,
            label=_labels_of(pair, stored),
            digest=digest_of(image_bytes, label_bytes),
        )


def stored_values(samples: LabelSamples, indices: Iterable[int]) -> list[int]:
    """Return the values in some label files, ascending, whether they stand for labels or not.

    Raises:
        DatasetError: a file is damaged.
    """
    seen = np.zeros(256, np.int64)
    for pair in (samples.images[index] for index in indices):
        stored = decode_label(read_bytes(pair.label), pair.label)
        seen += np.bincount(stored.ravel(), minlength=256)
    return [int(value) for value in np.flatnonzero(seen)]


def look_at(pair: Pair) -> Seen:
    """Read both files to the end, also when the first is bad."""
    notes: list[Note] = []
    image = decoded(pair.path, decode_image, ProblemKind.DAMAGED_IMAGE, notes)
    label = decoded(pair.label, decode_label, ProblemKind.DAMAGED_LABEL, notes)
    shown = None
    if image and label:
        with noting(ProblemKind.SIZES, notes):
            _require_one_size(pair, image[1], label[1])
    if label:
        with noting(ProblemKind.VALUES, notes):
            shown = frozenset(
                np.flatnonzero(np.bincount(_labels_of(pair, label[1]).ravel())).tolist()
            )
    return Seen(
        size=(image[1].shape[1], image[1].shape[0]) if image else None,
        labels=shown,
        digest=digest_of(image[0], label[0]) if image and label else "",
        notes=tuple(notes),
    )


def files_by_stem(folder: Path, suffix: str) -> dict[str, Path]:
    """Return stem -> file for all files below ``folder`` with that suffix.

    Raises:
        DatasetError: a folder cannot be listed.
    """
    paths = files_below(folder, lambda name: name.endswith(suffix))
    return {path.removesuffix(suffix): folder / path for path in paths}


def listed_stems(split_file: Path) -> list[str]:
    """Return the lines of a list of stems, or raise DatasetError."""
    try:
        lines = read_bytes(split_file, LARGEST_LIST).decode().splitlines()
    except UnicodeDecodeError:
        msg = f"The list of validation images {split_file} is not a text file. Copy it again."
        raise DatasetError(msg) from None
    except DatasetError as error:
        msg = f"The list of validation images {error}"
        raise DatasetError(msg) from None
    return [line.strip() for line in lines if line.strip()]


def _require_one_size(pair: Pair, image: NDArray[np.uint8], stored: NDArray[np.uint8]) -> None:
    """Raise DatasetError unless an image and its label are of one size."""
    if image.shape[:2] != stored.shape:
        msg = (
            f"{pair.path} is {image.shape[1]} x {image.shape[0]} pixels, its label "
            f"{pair.label} is {stored.shape[1]} x {stored.shape[0]}. They must be of one size."
        )
        raise DatasetError(msg)


def _labels_of(pair: Pair, stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels [H, W] that stored values stand for.

    Raises:
        DatasetError: a value is not a class.
    """
    table = np.frombuffer(pair.table, np.uint8)
    labels = table[stored]
    # Upstream would count such values. On intact data there are none, so they stop a run.
    invalid = labels == INVALID
    if invalid.any():
        values = stored[invalid]
        found = ", ".join(map(str, np.unique(values)[:_VALUES_SHOWN]))
        msg = (
            f"{pair.label} holds the value {found} in {values.size} pixels; valid are "
            f"{_ranges(np.flatnonzero(table != INVALID))}. Is it the label file of "
            "another data set?"
        )
        raise DatasetError(msg)
    return labels


def _ranges(values: NDArray[np.intp]) -> str:
    """Write 0,1,2,255 as "0 to 2 and 255"."""
    runs = np.split(values, np.flatnonzero(np.diff(values) > 1) + 1)
    return " and ".join(f"{r[0]} to {r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)
