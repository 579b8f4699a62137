"""The image a predictor is given: a file or an array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.errors import UsageError


def pixels_of(image: str | Path | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as RGB [H, W, 3] uint8.

    Raises:
        DatasetError: the file cannot be decoded.
        UsageError: the array has another shape or type.
    """
    if isinstance(image, str | Path):
        path = Path(image)
        return decode_image(read_bytes(path), path)
    if not isinstance(image, np.ndarray):
        msg = (
            f"An image is a path or an RGB array [H, W, 3] of uint8, not a {type(image).__name__}."
        )
        raise UsageError(msg)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        msg = f"An image is an RGB array [H, W, 3] of uint8, not {list(image.shape)} {image.dtype}."
        raise UsageError(msg)
    return image


def checked(scale: tuple[int, int]) -> tuple[int, int]:
    """Return a box (width, height); raise UsageError if it has not one pixel."""
    if min(scale) < 1:
        msg = f"scale must be a (width, height) of at least one pixel, not {scale}."
        raise UsageError(msg)
    return scale
