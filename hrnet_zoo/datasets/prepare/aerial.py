"""Cuts large aerial images where upstream's converters cut them, and decodes label colours."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

CLIP = 512
"""Side of the clips of Potsdam and Vaihingen, in pixels."""
PATCH = 896
"""Side of the patches of iSAID, in pixels."""
PATCH_STEP = 512
"""Distance of their origins: the patches overlap by 384 pixels."""
EVERY_COLOUR = (1 << 16, 1 << 8, 1)
"""Weights of the channels under which no two colours coincide."""
ISPRS_WEIGHTS = (4, 3, 2)
"""Those of Potsdam and Vaihingen, under which some colours that do not occur coincide.

Source:
    mmsegmentation 1.2.2, tools/dataset_converters/potsdam.py.
"""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1; the ends are exclusive."""
Colours = tuple[tuple[int, int, int], ...]
"""Stored label -> RGB colour."""


def clip_boxes(height: int, width: int) -> list[Box]:
    """Return the clips of a Potsdam or Vaihingen tile, row by row.

    They do not overlap, although upstream names a stride of 256: that number only enters a count
    of columns, of which the surplus ones repeat the clip at the border. Only the last clip of a
    row or column reaches back, so as to end at the border.

    Args:
        height: of the tile, at least CLIP.
        width: of the tile, at least CLIP.

    Source:
        mmsegmentation 1.2.2, tools/dataset_converters/potsdam.py and vaihingen.py,
        clip_big_image.
    """
    rows, columns = (
        sorted({*range(0, side - CLIP + 1, CLIP), side - CLIP}) for side in (height, width)
    )
    return [(x, y, x + CLIP, y + CLIP) for y in rows for x in columns]


def pad_to_patch(array: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Return an image or label map [H, W, ...] grown at the bottom and right to one patch.

    Nothing is added where a side already has the length of a patch exactly, not even to the
    other side; see `patch_boxes` for what follows from that.
    """
    height, width = array.shape[:2]
    if PATCH in (height, width):
        return array
    missing = [(0, max(PATCH - side, 0)) for side in (height, width)]
    return np.pad(array, (*missing, *[(0, 0)] * (array.ndim - 2)), constant_values=value)


def patch_boxes(height: int, width: int) -> list[Box]:
    """Return the distinct patches of an iSAID image that went through `pad_to_patch`.

    If one side is a patch long exactly and the other one shorter, the start along the shorter
    one is negative, and upstream hands it to numpy, which counts it from the end: the patch is
    too narrow, and its name holds a negative number. The documented numbers come from such
    files, so they are made here too.

    Source:
        mmsegmentation 1.2.2, tools/dataset_converters/isaid.py, slide_crop_image.
    """
    ends = [
        (min(x + PATCH, width), min(y + PATCH, height))
        for x in range(0, width, PATCH_STEP)
        for y in range(0, height, PATCH_STEP)
    ]
    return [(x1 - PATCH, y1 - PATCH, x1, y1) for x1, y1 in dict.fromkeys(ends)]


def cut(array: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return a view of what a box covers; a negative start counts from the end."""
    x0, y0, x1, y1 = box
    return array[y0:y1, x0:x1]


def labels_of_colours(
    rgb: NDArray[np.uint8], colours: Colours, weights: tuple[int, int, int] = EVERY_COLOUR
) -> NDArray[np.uint8]:
    """Return the labels [H, W] of a label image [H, W, 3]; colours that are not listed are 0.

    Args:
        rgb: the label image.
        colours: stored label -> colour.
        weights: of the channels in the sum by which colours are told apart.
    """
    sums = np.zeros(rgb.shape[:2], np.int32)
    for channel, weight in enumerate(weights):
        # Widened first: NumPy 1 would multiply in 8 bits, and every colour would be another one.
        sums += rgb[:, :, channel].astype(np.int32) * weight
    return _table(colours, weights)[sums]


@cache
def _table(colours: Colours, weights: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the labels by the weighted sums of their colours' channels."""
    table = np.zeros(255 * sum(weights) + 1, np.uint8)
    table[np.array(colours) @ np.array(weights)] = np.arange(len(colours))
    return table
