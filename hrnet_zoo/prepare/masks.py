"""COCO's run-length encoded masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def decode_mask(encoded: Mapping[str, Any], height: int, width: int) -> NDArray[np.bool_]:
    """Return a mask, flat and column by column, as [width * height].

    Args:
        encoded: "counts", as COCO's text or as a list of numbers, and maybe "size".
        height: of the image.
        width: of the image.

    Raises:
        ValueError: it is not a mask of this size.
    """
    if list(encoded.get("size", (height, width))) != [height, width]:
        msg = f"the mask's size is {encoded['size']}, the image's {[height, width]}"
        raise ValueError(msg)
    counts = encoded["counts"]
    runs = _runs(counts.encode("ascii")) if isinstance(counts, str) else np.asarray(counts)
    if runs.size == 0 or runs.min() < 0 or runs.sum() != height * width:
        msg = f"the mask's runs do not add up to {width} x {height} pixels"
        raise ValueError(msg)
    # Runs of outside and inside alternate, outside first.
    return np.repeat(np.arange(runs.size) % 2 == 1, runs)


def _runs(text: bytes) -> NDArray[np.int64]:
    """Return the run lengths in COCO's compressed text.

    Each character carries five bits, the lowest of a number first, and whether more follow; the
    last one's highest bit is the sign. From the fourth number on, they are differences from the
    last but one run.
    """
    codes = np.frombuffer(text, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero((codes & 0x20) == 0)
    if ends.size == 0 or ends[-1] != codes.size - 1 or codes.min() < 0:
        msg = "the mask's text is cut short"
        raise ValueError(msg)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts + 1
    places = np.arange(codes.size) - np.repeat(starts, lengths)
    numbers = np.add.reduceat((codes & 0x1F) << (5 * places), starts)
    numbers -= np.where(codes[ends] & 0x10, 1 << (5 * lengths), 0)
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers
