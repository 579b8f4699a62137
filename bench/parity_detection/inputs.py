"""What both packages get: rows and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

ROWS = (
    "mask_rcnn_hrnetv2p_w18_1x_coco",
    "faster_rcnn_hrnetv2p_w18_1x_coco",
    "cascade_rcnn_hrnetv2p_w18_20e_coco",
    "cascade_mask_rcnn_hrnetv2p_w18_20e_coco",
    "htc_hrnetv2p_w18_20e_coco",
    "htc_x101_64x4d_fpn_16x1_28e_coco",
    # These two see differently normalised images.
    "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco",
    "fcos_hrnetv2p_w18_gn-head_mstrain_640-800_4x4_2x_coco",
)
"""One per network; wider ones are built by the same code. The first is what --quick compares."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image file and how large a network sees it."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the image."""
    box: tuple[int, int]
    """(width, height) of the keep-ratio resize."""

    @property
    def title(self) -> str:
        """Return the size and the box as text."""
        return "{}x{} in {}x{}".format(*self.size, *self.box)


_SIZES_AND_BOXES = (
    # The goldens' picture: grows, by another factor in each direction.
    ((240, 350), (672, 448)),
    # Upright, with sides that are not multiples of anything.
    ((333, 251), (672, 448)),
    # Shrinks in the rows' own box.
    ((901, 1277), (1333, 800)),
)
TIMED = ((800, 1200), (1333, 800))
"""An input of 800 x 1216 with its padding."""


def pictures(folder: Path, *, quick: bool) -> list[Picture]:
    """Write the pictures and return them; one if quick."""
    return [written(folder, *each) for each in _SIZES_AND_BOXES[: 1 if quick else None]]


def written(folder: Path, size: tuple[int, int], box: tuple[int, int]) -> Picture:
    """Write a picture of that size."""
    path = folder / "{}x{}.png".format(*size)
    cv2.imwrite(str(path), _drawn(*size))
    return Picture(path=path, size=size, box=box)


@cache
def row(name: str) -> Row:
    """Return the row of that name in our manifest; upstream's configuration has the same name."""
    return load_zoo().row(name)


def _drawn(height: int, width: int) -> NDArray[np.uint8]:
    """Return blocks, ramps and a disc, [H, W, 3] BGR; 240 x 350 is the goldens' picture."""
    y, x = (each[:, :, None] for each in np.mgrid[:height, :width])
    c = np.arange(3)
    blocks = 37 * ((x // 29) * (5 + c) + (y // 23) * (7 + 2 * c))
    base = x * (2 + c) + y * (3 - c) + (x * y) // (31 + 7 * c)
    striped = (x // 29 + 2 * (y // 23)) % 5 == 1
    pixels = np.where(striped, 3 * base, base // 2 + blocks)
    pixels = np.where((x // 29 + y // 23) % 3 == 0, blocks, pixels)
    distance = (y - height // 2) ** 2 + (x - width // 3) ** 2
    disc = (40 + 90 * c) % 256 + distance // 97 % 16
    drawn: NDArray[np.int64] = np.where(distance < (height // 4) ** 2, disc, pixels)
    return (drawn % 256).astype(np.uint8)
