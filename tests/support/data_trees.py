"""Small validation splits in the layout of any data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.trees import picture

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.label_images import LabelImages


def expect(monkeypatch: pytest.MonkeyPatch, name: str, num_images: int) -> None:
    """Let the complete split of a data set have so many images."""
    monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], num_images=num_images))


def valid_values(name: str) -> list[int]:
    """Return every value that a label file of the data set may hold."""
    layout = of_kind(LabelImages)[name]
    remap = layout.labels[-1].remap
    if remap is not None:
        return sorted(remap)
    return [*range(len(layout.classes) + int(layout.reduce_zero_label)), 255]


def make_split(
    data_root: Path,
    name: str,
    *,
    count: int = 3,
    size: tuple[int, int] = (16, 24),
    values: Sequence[int] | None = None,
) -> Path:
    """Write ``count`` images whose labels show all of ``values``; return the data set's folder."""
    layout = of_kind(LabelImages)[name]
    root = data_root / layout.root
    rng = np.random.default_rng(3)
    stored = np.array(valid_values(name) if values is None else values, np.uint8)
    stems = [
        f"part_{i % 2}/scene_{i}" if not layout.split_file else f"scene_{i}" for i in range(count)
    ]
    for stem in stems:
        write(root / layout.image_dir / f"{stem}{layout.image_suffix}", picture(rng, size))
        label = np.resize(stored, size)
        write(label_path(root, layout, stem), label)
    if layout.split_file:
        split = root / layout.split_file
        split.parent.mkdir(parents=True, exist_ok=True)
        split.write_text("".join(f"{stem}\n" for stem in stems))
    return root


def label_path(root: Path, layout: LabelImages, stem: str) -> Path:
    return root / layout.label_dir / f"{stem}{layout.labels[-1].suffix}"


def image_path(root: Path, layout: LabelImages, stem: str) -> Path:
    return root / layout.image_dir / f"{stem}{layout.image_suffix}"


def write(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
