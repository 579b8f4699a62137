"""Masks as files in COCO's layout hold them: polygons, runs of pixels, or such runs as text.

pycocotools takes what is there. It fails on polygons that are none, never ends on two masks whose
runs add up to different numbers of pixels, and asks for gigabytes where a corner is not a number or
far away. So all masks are looked at before it gets them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pycocotools import mask as coco_masks

from hrnet_zoo.datasets.detections import Rle
from hrnet_zoo.datasets.rle import decode_runs, rle_fault, run_fault

Size = tuple[int, int]
"""(height, width) of an image."""

_FARTHEST = 100_000
"""Pixels; the largest area of COCO's figures is the square of it."""
_FEWEST_NUMBERS = 6
_MOST_POLYGONS = 5000
_LONGEST_OUTLINE = 1_000_000
"""Pixels of a mask's polygons together, each of which takes pycocotools 80 bytes; a hundred times
around COCO's largest images are 256,000."""
_AT_ONCE = 1_000_000
"""Characters of texts that are decoded together."""


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
    for places, texts in _batches(coded):
        for i, runs in zip(places, decode_runs(texts), strict=True):
            if fault := run_fault(runs.tolist(), *sizes[i]):
                faults[i] = fault
    return faults


def _batches(coded: Iterable[tuple[int, str]]) -> Iterator[tuple[list[int], list[str]]]:
    """Yield places and texts of some masks at a time, as decoding takes fifty bytes a character."""
    places: list[int] = []
    texts: list[str] = []
    size = 0
    for place, text in coded:
        if size + len(text) > _AT_ONCE and places:
            yield places, texts
            places, texts, size = [], [], 0
        places.append(place)
        texts.append(text)
        size += len(text)
    yield places, texts


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


def _polygon_fault(polygons: Sequence[Any]) -> str | None:
    if len(polygons) > _MOST_POLYGONS:
        return f"the mask has {len(polygons)} polygons, more than {_MOST_POLYGONS}"
    outline = 0.0
    for i, polygon in enumerate(polygons, 1):
        spread = _spread(polygon) if isinstance(polygon, list) else None
        if spread is None:
            form = f"one list of numbers x, y, x, y, ... up to {_FARTHEST}"
            return f"polygon no. {i} of the mask is not {form}: {_start_of(polygon)}"
        # A later one of fewer corners encloses nothing; pycocotools takes it for that.
        if len(polygon) % 2 or (i == 1 and len(polygon) < _FEWEST_NUMBERS):
            needed = "x and y of each of at least three corners"
            return f"polygon no. {i} of the mask has {len(polygon)} numbers, not {needed}"
        outline += (spread + 1) * len(polygon) / 2  # as if all corners were as far apart as any
    if outline > _LONGEST_OUTLINE and sum(map(_outline, polygons)) > _LONGEST_OUTLINE:
        return f"the mask's polygons are longer than {_LONGEST_OUTLINE} pixels together"
    return None


def _start_of(value: object) -> str:
    """Return the start of a JSON value; all of it may be gigabytes."""
    return repr(value[:9] if isinstance(value, list | str) else value)[:40]


def _spread(values: Sequence[Any]) -> float | None:
    """Return how far numbers are apart; None if not all are numbers, or one is far away or NaN."""
    if not set(map(type, values)) <= {int, float}:
        return None
    smallest, largest = min(values, default=0), max(values, default=0)
    # Both may have overlooked NaN; the sum of numbers that are near does not.
    if smallest < -_FARTHEST or largest > _FARTHEST or math.isnan(sum(values)):
        return None
    return float(largest - smallest)


def _outline(polygon: Sequence[float]) -> float:
    """Return the length of a polygon as pycocotools walks around it, in pixels."""
    corners = list(zip(polygon[::2], polygon[1::2], strict=True))
    edges = zip(corners, corners[1:] + corners[:1], strict=True)
    return sum(max(abs(a[0] - b[0]), abs(a[1] - b[1])) + 1 for a, b in edges)
