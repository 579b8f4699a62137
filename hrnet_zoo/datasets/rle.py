"""COCO's run-length code for masks: written by pycocotools, read back here.

A mask is its runs, column by column: outside and inside alternate, outside first (0 if the first
pixel is inside). As text, a character carries five bits of a number, the lowest first, and whether
more follow; the last one's highest bit is the sign. From the fourth number on, what is written is
the difference from the run before the last one.

Reading is not left to pycocotools: it reads on where a text is cut short, and its masks lie side by
side in memory, pixel by pixel, which takes 3.4 to 4.4 times as long (100 masks of 800 x 1333).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from hrnet_zoo.datasets.detections import Rle

_BITS = 5
_SIGN = 1 << (_BITS - 1)
_MORE = 1 << _BITS
_ZERO = ord("0")
# pycocotools writes six characters a number at most, and reads no more of them into its 32 bits.
_TEXT = re.compile("(?:[P-o]{0,5}+[0-O])++")
_LONGEST_MASK = 4_000_000
"""Characters or runs; noise of 640 x 480 pixels has 300,000 runs."""
_LONGEST_RUN = 100_000**2
"""Pixels; what is longer is no run of any image."""


def encode_runs(
    lengths: NDArray[np.int64], runs_per_mask: NDArray[np.int64], size: tuple[int, int]
) -> list[Rle]:
    """Return masks in COCO's text code.

    Args:
        lengths: the runs of all masks, one mask after the other.
        runs_per_mask: [M], at least 1 each.
        size: (height, width) of every mask.
    """
    if not runs_per_mask.size:
        return []
    runs = np.split(lengths, np.cumsum(runs_per_mask)[:-1])
    plain = [{"size": size, "counts": each.tolist()} for each in runs]
    encoded = coco_mask.frPyObjects(plain, *size)
    return [Rle(size=list(size), counts=each["counts"].decode("ascii")) for each in encoded]


def is_code(text: str) -> bool:
    """Whether a text is in this code, and not cut short within a number."""
    return _TEXT.fullmatch(text) is not None


def run_fault(runs: Sequence[float], height: int, width: int) -> str | None:
    """Return in words why lengths of runs are not those of a mask of an image; None if they are."""
    if min(runs, default=0) < 0:
        return "the mask has a run of negative length"
    if (total := sum(runs)) != height * width:
        return f"the mask's runs add up to {total:.0f} pixels, not to {width} x {height}"
    return None


def rle_fault(encoded: Mapping[str, Any], height: int, width: int) -> str | None:
    """Return in words what is wrong with a coded mask; whether a text fills the image is left open.

    Args:
        encoded: "size" and "counts", as any JSON may hold them.
        height: of the image.
        width: of the image.
    """
    size = encoded.get("size")
    if size != [height, width]:
        shown = repr(size[:3] if isinstance(size, list | str) else size)[:40]
        return f"the mask's size is {shown}, the image's {[height, width]}"
    counts = encoded.get("counts")
    if isinstance(counts, str | list) and len(counts) > _LONGEST_MASK:
        return f"the mask has more than {_LONGEST_MASK} runs or characters of them"
    if isinstance(counts, str):
        return None if is_code(counts) else "the mask's text is not in COCO's code, or cut short"
    if isinstance(counts, list) and all(_is_whole(run) for run in counts):
        return run_fault(counts, height, width)
    return "the mask's counts are neither COCO's text nor a list of whole numbers"


def _is_whole(value: Any) -> bool:  # noqa: ANN401 - any JSON
    return type(value) in (int, float) and abs(value) <= _LONGEST_RUN and value % 1 == 0


def decode_runs(texts: Sequence[str]) -> list[NDArray[np.int64]]:
    """Return the lengths of each mask's runs, in one go for all.

    Args:
        texts: in this code; whether they are masks of an image, `run_fault` tells.
    """
    if not texts:
        return []
    codes = np.frombuffer("".join(texts).encode("ascii"), np.uint8).astype(np.int64) - _ZERO
    ends = np.flatnonzero((codes & _MORE) == 0)
    starts = np.concatenate(([0], ends[:-1] + 1))
    sizes = ends - starts + 1
    places = np.arange(codes.size) - np.repeat(starts, sizes)
    numbers = np.add.reduceat((codes & (_MORE - 1)) << (_BITS * places), starts)
    numbers -= np.where(codes[ends] & _SIGN, 1 << (_BITS * sizes), 0)
    text_ends = np.cumsum([len(text) for text in texts])
    masks = np.split(numbers, np.searchsorted(starts, text_ends)[:-1])
    for runs in masks:
        runs[1::2] = np.cumsum(runs[1::2])
        runs[2::2] = np.cumsum(runs[2::2])
    return masks


def decode_masks(rles: Sequence[Rle]) -> NDArray[np.bool_]:
    """Return masks, all of one size, as [M, H, W]; without masks, [0, 0, 0]."""
    if not rles:
        return np.zeros((0, 0, 0), np.bool_)
    height, width = rles[0]["size"]
    masks = np.empty((len(rles), width, height), np.bool_)
    for mask, runs in zip(masks, decode_runs([rle["counts"] for rle in rles]), strict=True):
        mask[:] = np.repeat(np.arange(runs.size) % 2 == 1, runs).reshape(width, height)
    return masks.transpose(0, 2, 1)


def decode_mask(encoded: Mapping[str, Any], height: int, width: int) -> NDArray[np.bool_]:
    """Return a mask, flat and column by column, as [width * height].

    pycocotools accepts runs that end early, and leaves the rest of the mask as the memory was.

    Args:
        encoded: "counts", as COCO's text or as a list of numbers, and maybe "size".
        height: of the image.
        width: of the image.

    Raises:
        ValueError: it is not a mask of this size.
    """
    if fault := rle_fault({"size": [height, width], **encoded}, height, width):
        raise ValueError(fault)
    counts = encoded["counts"]
    runs = decode_runs([counts])[0] if isinstance(counts, str) else np.asarray(counts)
    if fault := run_fault(runs.tolist(), height, width):
        raise ValueError(fault)
    return np.repeat(np.arange(runs.size) % 2 == 1, runs)
