"""The samples that pairs of image and label files decode to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.digests import digest_of, stamp_of
from hrnet_zoo.datasets.images import decode_image, decode_label, read_bytes
from hrnet_zoo.datasets.label_layout import IGNORED, LabelFiles, LabelLayout
from hrnet_zoo.datasets.label_pairing import Pair, pair_files
from hrnet_zoo.datasets.wording import count_of
from hrnet_zoo.errors import DatasetError

_SHOWN = 5
# Labels are at most 150 classes and 255, so 254 is free to mean "no valid label".
_INVALID = 254


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


class LabelSamples:
    """The validation split of one data set; item i is decoded when asked for."""

    def __init__(self, layout: LabelLayout, root: Path, pairs: Sequence[Pair]) -> None:
        self.root = root
        self.num_classes = len(layout.classes)
        self._pairs = pairs
        self._tables = label_tables(layout)

    def __len__(self) -> int:
        return len(self._pairs)

    def name_of(self, index: int) -> str:
        """Return the name of sample ``index`` without reading it."""
        return self._pairs[index].name

    def path_of(self, index: int) -> Path:
        """Return the image file of sample ``index``."""
        return self._pairs[index].image

    def stamp(self, num_images: int) -> str:
        """Return a digest of the first files' names, sizes and times; cheap, reads no contents."""
        pairs = self._pairs[:num_images]
        return stamp_of((pair.name, path) for pair in pairs for path in (pair.image, pair.label))

    def load(self, index: int) -> Sample:
        """Read and decode sample ``index``; safe to call from several threads.

        Raises:
            DatasetError: a file is damaged, sizes differ, or a label value is not a class.
        """
        pair = self._pairs[index]
        image_bytes, label_bytes = read_bytes(pair.image), read_bytes(pair.label)
        image = decode_image(image_bytes, pair.image)
        stored = decode_label(label_bytes, pair.label)
        require_one_size(pair, image, stored)
        return Sample(
            name=pair.name,
            image=image,
            label=labels_of(pair, stored, self._tables[pair.kind.suffix]),
            digest=digest_of(image_bytes, label_bytes),
        )


def open_label_images(layout: LabelLayout, data_root: Path) -> LabelSamples:
    """Return the validation split below ``data_root``, its files paired.

    Args:
        layout: which folders, names and label values to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.

    Raises:
        DatasetError: a folder is missing, or images and labels do not pair up.
    """
    found = pair_files(layout, data_root)
    if found.absent:
        raise DatasetError(found.absent[0])
    image_dir, label_dir = found.root / layout.image_dir, found.root / layout.label_dir
    problems = [
        *count_of(found.unlabelled, f"images have no label file in {label_dir}", _SHOWN),
        *count_of(found.missing, f"listed images are missing from {image_dir}", _SHOWN),
        *count_of(
            found.unlisted, f"label files in {label_dir} have no image in {image_dir}", _SHOWN
        ),
    ]
    if problems:
        msg = f"{layout.title} in {found.root} is incomplete: {'; '.join(problems)}."
        raise DatasetError(msg)
    return LabelSamples(layout, found.root, found.pairs)


def require_one_size(pair: Pair, image: NDArray[np.uint8], stored: NDArray[np.uint8]) -> None:
    """Raise DatasetError unless an image and its label are of one size."""
    if image.shape[:2] != stored.shape:
        msg = (
            f"{pair.image} is {image.shape[1]} x {image.shape[0]} pixels, its label "
            f"{pair.label} is {stored.shape[1]} x {stored.shape[0]}. They must be of one size."
        )
        raise DatasetError(msg)


def labels_of(pair: Pair, stored: NDArray[np.uint8], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels [H, W] that stored values stand for.

    Args:
        pair: named in messages only.
        stored: what the label file holds, [H, W].
        table: of this kind of label file, from `label_tables`.

    Raises:
        DatasetError: a value is not a class.
    """
    labels = table[stored]
    # Upstream would count such values. On intact data there are none, so they stop a run.
    invalid = labels == _INVALID
    if invalid.any():
        values = stored[invalid]
        found = ", ".join(map(str, np.unique(values)[:_SHOWN]))
        msg = (
            f"{pair.label} holds the value {found} in {values.size} pixels; valid are "
            f"{_ranges(np.flatnonzero(table != _INVALID).tolist())}. Is it the label file of "
            "another data set?"
        )
        raise DatasetError(msg)
    return labels


def label_tables(layout: LabelLayout) -> dict[str, NDArray[np.uint8]]:
    """Return for each kind of label file the 256 labels that its possible values stand for."""
    return {kind.suffix: _label_table(layout, kind) for kind in layout.labels}


def _label_table(layout: LabelLayout, kind: LabelFiles) -> NDArray[np.uint8]:
    num_classes = len(layout.classes)
    labels = {value: value for value in (*range(num_classes), IGNORED)}
    if layout.reduce_zero_label:
        labels = {0: IGNORED, IGNORED: IGNORED} | {c + 1: c for c in range(num_classes)}
    if kind.remap is not None:
        labels = {stored: labels[value] for stored, value in kind.remap.items()}
    table = np.full(256, _INVALID, np.uint8)
    for stored, label in labels.items():
        table[stored] = label
    return table


def _ranges(values: Iterable[int]) -> str:
    """Write 0,1,2,255 as "0 to 2 and 255"."""
    runs: list[list[int]] = []
    for value in values:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return " and ".join(f"{r[0]} to {r[-1]}" if len(r) > 1 else f"{r[0]}" for r in runs)
