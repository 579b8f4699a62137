"""Masks as files in COCO's layout hold them: polygons, runs of pixels, or such runs as text.

pycocotools takes what is there. It fails on polygons that are none, never ends on two masks whose
runs add up to different numbers of pixels, and asks for gigabytes where a corner is not a number or
far away. So all masks are looked at before it gets them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pycocotools import mask as coco_masks

from hrnet_zoo.datasets.detections import Rle
from hrnet_zoo.datasets.rle import decode_runs, rle_fault, run_fault

Size = tuple[int, int]
"""(height, width) of an image."""

_FARTHEST = 100_000
"""Pixels; the largest area of COCO's figures is the square of it."""
_FEWEST_NUMBERS = 6
_AT_ONCE = 1000


def mask_faults(masks: Sequence[object], sizes: Sequence[Size]) -> dict[int, str]:
    """Return in words what is wrong with masks, by their places; nothing is with the others.

    Args:
        masks: as JSON holds them.
        sizes: of their images.

    Source:
        pycocotools 2.0.11, _mask.pyx, frPyObjects; maskApi.c, rleIou, rleFrPoly and rleFrString.
    """
    sized = list(zip(masks, sizes, strict=True))
    faults = {i: fault for i, (mask, size) in enumerate(sized) if (fault := _fault(mask, size))}
    coded = [
        (i, mask["counts"])
        for i, mask in enumerate(masks)
        if i not in faults and isinstance(mask, dict) and isinstance(mask["counts"], str)
    ]
    for begin in range(0, len(coded), _AT_ONCE):
        places, texts = zip(*coded[begin : begin + _AT_ONCE], strict=True)
        for i, runs in zip(places, decode_runs(texts), strict=True):
            if fault := run_fault(runs.tolist(), *sizes[i]):
                faults[i] = fault
    return faults


def as_rle(mask: Any, size: Size) -> Rle:  # noqa: ANN401 - any JSON in which is no fault
    """Return a mask in the one form that all tools take, as pycocotools makes it.

    Args:
        mask: one of those that `mask_faults` finds nothing wrong with.
        size: of its image.
    """
    if isinstance(mask, dict) and isinstance(mask["counts"], str):
        counts = mask["counts"]
    else:
        coded = coco_masks.frPyObjects(mask, *size)
        one = coco_masks.merge(coded) if isinstance(coded, list) else coded
        counts = one["counts"].decode("ascii")
    return Rle(size=list(size), counts=counts)


def _fault(mask: object, size: Size) -> str | None:
    """Return what is wrong with a mask; whether a text fills the image is left to be seen."""
    if not mask:
        return "it has no mask"
    if isinstance(mask, list):
        return _polygon_fault(mask)
    if isinstance(mask, dict):
        return rle_fault(mask, *size)
    return "its mask is neither a list of polygons nor size and counts"


def _polygon_fault(polygons: Sequence[object]) -> str | None:
    for i, polygon in enumerate(polygons, 1):
        if not isinstance(polygon, list) or not _are_near(polygon):
            form = f"one list of numbers x, y, x, y, ... up to {_FARTHEST}"
            return f"polygon no. {i} of the mask is not {form}: {polygon!r:.40}"
        # A later one of fewer corners encloses nothing; pycocotools takes it for that.
        if len(polygon) % 2 or (i == 1 and len(polygon) < _FEWEST_NUMBERS):
            needed = "x and y of each of at least three corners"
            return f"polygon no. {i} of the mask has {len(polygon)} numbers, not {needed}"
    return None


def _are_near(values: Sequence[Any]) -> bool:
    """Whether values are all numbers, and none is far away or NaN; a data set has millions."""
    if not set(map(type, values)) <= {int, float}:
        return False
    smallest, largest = min(values, default=0), max(values, default=0)
    # Both may have overlooked NaN; the sum of numbers that are near does not.
    return smallest >= -_FARTHEST and largest <= _FARTHEST and not math.isnan(sum(values))
