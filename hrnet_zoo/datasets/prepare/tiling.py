"""Where large aerial images are cut, as upstream's converters cut them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLIP = 512
"""Side of the clips of Potsdam and Vaihingen, in pixels."""
PATCH = 896
"""Side of the patches of iSAID, in pixels."""
PATCH_STEP = 512
"""Distance of their origins: the patches overlap by 384 pixels."""

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1; the ends are exclusive."""


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
    return [(x, y, x + CLIP, y + CLIP) for y in _clip_origins(height) for x in _clip_origins(width)]


def _clip_origins(length: int) -> list[int]:
    if length < CLIP:
        msg = f"a tile of {length} pixels is smaller than a clip"
        raise ValueError(msg)
    return sorted({*range(0, length - CLIP + 1, CLIP), length - CLIP})


def pad_to_patch(array: NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Return an image or label map [H, W, ...] grown at the bottom and right to one patch.

    Nothing is added where a side already has the length of a patch exactly, not even to the
    other side; see `patch_boxes` for what follows from that.
    """
    import numpy as np  # noqa: PLC0415

    height, width = array.shape[:2]
    if PATCH in (height, width):
        return array
    missing = [(0, max(PATCH - side, 0)) for side in (height, width)]
    rest = [(0, 0)] * (array.ndim - 2)
    return np.pad(array, (*missing, *rest), constant_values=value)


def patch_boxes(height: int, width: int) -> list[Box]:
    """Return the distinct patches of an iSAID image that went through `pad_to_patch`.

    If one side is a patch long exactly and the other one shorter, the start along the shorter
    one is negative, and upstream hands it to numpy, which counts it from the end: the patch is
    too narrow, and its name holds a negative number. The documented numbers come from such
    files, so they are made here too.

    Source:
        mmsegmentation 1.2.2, tools/dataset_converters/isaid.py, slide_crop_image.
    """
    return list(dict.fromkeys(_patch_boxes(height, width)))


def _patch_boxes(height: int, width: int) -> Iterator[Box]:
    for x in range(0, width, PATCH_STEP):
        for y in range(0, height, PATCH_STEP):
            x1, y1 = min(x + PATCH, width), min(y + PATCH, height)
            yield x1 - PATCH, y1 - PATCH, x1, y1


def cut(array: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """Return a view of what a box covers; a negative start counts from the end."""
    x0, y0, x1, y1 = box
    return array[y0:y1, x0:x1]
