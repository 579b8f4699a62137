"""Pairs of image and label files on disk, and the samples they decode to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.images import decode_image, decode_label, read_bytes
from hrnet_zoo.datasets.layouts import IGNORED, DatasetLayout, LabelFiles
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


@dataclass(frozen=True, kw_only=True)
class _Pair:
    name: str
    image: Path
    label: Path
    kind: LabelFiles


class SegmentationDataset:
    """The validation split of one data set; item i is decoded when asked for."""

    def __init__(
        self, layout: DatasetLayout, root: Path, pairs: list[_Pair], num_classes: int
    ) -> None:
        self.layout = layout
        self.root = root
        self._pairs = pairs
        self.num_classes = num_classes
        self._tables = {
            kind.suffix: _label_table(layout, kind, num_classes) for kind in layout.labels
        }

    def __len__(self) -> int:
        return len(self._pairs)

    def name_of(self, index: int) -> str:
        """Return the name of sample ``index`` without reading it."""
        return self._pairs[index].name

    def stamp(self, num_images: int) -> str:
        """Return a digest of the first files' names, sizes and times; cheap, reads no contents."""
        digest = hashlib.sha256()
        for pair in self._pairs[:num_images]:
            for path in (pair.image, pair.label):
                state = path.stat()
                digest.update(f"{pair.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def load(self, index: int) -> Sample:
        """Read and decode sample ``index``; safe to call from several threads.

        Raises:
            DatasetError: a file is damaged, sizes differ, or a label value is no class.
        """
        pair = self._pairs[index]
        image_bytes, label_bytes = read_bytes(pair.image), read_bytes(pair.label)
        image = decode_image(image_bytes, pair.image)
        stored = decode_label(label_bytes, pair.label)
        if image.shape[:2] != stored.shape:
            msg = (
                f"{pair.image} is {image.shape[1]} x {image.shape[0]} pixels, its label "
                f"{pair.label} is {stored.shape[1]} x {stored.shape[0]}. They must be of one size."
            )
            raise DatasetError(msg)
        label = self._tables[pair.kind.suffix][stored]
        if (label == _INVALID).any():
            raise self._invalid_values(pair, stored[label == _INVALID])
        digest = hashlib.sha256(hashlib.sha256(image_bytes).digest())
        digest.update(hashlib.sha256(label_bytes).digest())
        return Sample(name=pair.name, image=image, label=label, digest=digest.hexdigest())

    def _invalid_values(self, pair: _Pair, values: NDArray[np.uint8]) -> DatasetError:
        found = ", ".join(map(str, np.unique(values)[:_SHOWN]))
        valid = np.flatnonzero(self._tables[pair.kind.suffix] != _INVALID)
        return DatasetError(
            f"{pair.label} holds the value {found} in {values.size} pixels; valid are "
            f"{_ranges(valid.tolist())}. Is it the label file of another data set?"
        )


def open_dataset(layout: DatasetLayout, data_root: Path, num_classes: int) -> SegmentationDataset:
    """Return the validation split below ``data_root``, its files paired.

    Args:
        layout: which folders and names to expect.
        data_root: the folder that holds the data set's own folder, or that folder itself.
        num_classes: classes of the data set; other label values are refused when met.

    Raises:
        DatasetError: a folder is missing, or images and labels do not pair up.
    """
    root = _find_root(layout, data_root)
    image_dir, label_dir = root / layout.image_dir, root / layout.label_dir
    images = _files_by_stem(image_dir, layout.image_suffix)
    labels = [_files_by_stem(label_dir, kind.suffix) for kind in layout.labels]
    stems = _listed_stems(root / layout.split_file) if layout.split_file else sorted(images)
    pairs, missing_images, missing_labels = [], [], []
    for stem in stems:
        found = [
            (files[stem], k)
            for files, k in zip(labels, layout.labels, strict=True)
            if stem in files
        ]
        if stem not in images:
            missing_images.append(stem)
        elif not found:
            missing_labels.append(stem)
        else:
            label, kind = found[0]
            pairs.append(_Pair(name=stem, image=images[stem], label=label, kind=kind))
    extra = [] if layout.split_file else sorted(set().union(*labels) - set(stems))
    problems = [
        *_count(missing_labels, f"images have no label file in {label_dir}"),
        *_count(missing_images, f"listed images are missing from {image_dir}"),
        *_count(extra, f"label files in {label_dir} have no image in {image_dir}"),
    ]
    if not images:
        problems = [f"no file {image_dir}/**/*{layout.image_suffix} was found"]
    if problems:
        msg = f"{layout.title} in {root} is incomplete: {'; '.join(problems)}."
        raise DatasetError(msg)
    return SegmentationDataset(layout, root, pairs, num_classes)


def fingerprint(digests: Mapping[str, str]) -> str:
    """Return one SHA-256 for a set of samples, whatever order they were read in.

    Args:
        digests: sample name -> `Sample.digest`.
    """
    lines = "".join(f"{name} {digests[name]}\n" for name in sorted(digests))
    return hashlib.sha256(lines.encode()).hexdigest()


def _find_root(layout: DatasetLayout, data_root: Path) -> Path:
    for root in (data_root / layout.root, data_root):
        if (root / layout.image_dir).is_dir():
            break
    else:
        expected = data_root / layout.root
        msg = (
            f"{layout.title} was not found in {data_root}: there is no folder "
            f"{expected / layout.image_dir}. Expected are images named *{layout.image_suffix} in "
            f"{layout.root}/{layout.image_dir} and labels named *{layout.labels[-1].suffix} in "
            f"{layout.root}/{layout.label_dir}. Pass the folder that holds {layout.root}/ with "
            "--data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    if not (root / layout.label_dir).is_dir():
        msg = f"{layout.title} lacks its labels: there is no folder {root / layout.label_dir}."
        raise DatasetError(msg)
    return root


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
    return [line.strip() for line in lines if line.strip()]


def _count(names: list[str], what: str) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return [f"{len(names)} {what} ({shown})"]


def _label_table(layout: DatasetLayout, kind: LabelFiles, num_classes: int) -> NDArray[np.uint8]:
    """Return the 256 labels that the 256 possible stored values stand for."""
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
