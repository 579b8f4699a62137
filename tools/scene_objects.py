"""Pictures of single objects, cut out of scenes: what the demo's classifier sees."""

from __future__ import annotations

from scene_boxes import CATEGORIES
from scenes.picture import HEIGHT, WIDTH, Bytes

CLASSES = tuple(sorted(CATEGORIES.values()))
"""Names in the order of their class numbers: that of the folders' names, as in ImageNet."""

SIDES = range(12, 73)
"""Pixels of the longer side of boxes that are cut out; in smaller ones there is little to see."""

_MARGIN = 0.15


def is_shown(box: tuple[int, int, int, int]) -> bool:
    """Whether an object is of a size to be cut out; ``box`` is x1, y1, x2, y2."""
    return max(box[2] - box[0], box[3] - box[1]) in SIDES


def cut_out(image: Bytes, box: tuple[int, int, int, int]) -> Bytes:
    """Return an object with a little of what is around it."""
    x1, y1, x2, y2 = box
    margin = round(_MARGIN * max(x2 - x1, y2 - y1))
    rows = slice(max(0, y1 - margin), min(HEIGHT, y2 + margin))
    return image[rows, max(0, x1 - margin) : min(WIDTH, x2 + margin)]
