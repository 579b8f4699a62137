"""COCO's run-length encoded masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.rle import decode_runs


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
    if list(encoded.get("size", (height, width))) != [height, width]:
        msg = f"the mask's size is {encoded['size']}, the image's {[height, width]}"
        raise ValueError(msg)
    counts = encoded["counts"]
    runs = decode_runs(counts) if isinstance(counts, str) else np.asarray(counts)
    if runs.size == 0 or runs.min() < 0 or runs.sum() != height * width:
        msg = f"the mask's runs do not add up to {width} x {height} pixels"
        raise ValueError(msg)
    # Runs of outside and inside alternate, outside first.
    return np.repeat(np.arange(runs.size) % 2 == 1, runs)
