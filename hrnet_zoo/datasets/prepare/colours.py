"""Label colours to label values, by table."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Colours = tuple[tuple[int, int, int], ...]
"""Stored label -> RGB colour."""

_ISPRS_WEIGHTS = (4, 3, 2)


def isprs_labels(rgb: NDArray[np.uint8], colours: Colours) -> NDArray[np.uint8]:
    """Return the labels [H, W] of a label image [H, W, 3] of Potsdam or Vaihingen.

    Source:
        mmsegmentation 1.2.2, tools/dataset_converters/potsdam.py: colours are told apart by a
        weighted sum of their channels, under which some colours that do not occur coincide. Others
        are 0.
    """
    sums = np.zeros(rgb.shape[:2], np.uint16)
    for channel, weight in enumerate(_ISPRS_WEIGHTS):
        sums += rgb[:, :, channel] * np.uint16(weight)
    return _table(colours, _ISPRS_WEIGHTS)[sums]


def labels_of_colours(rgb: NDArray[np.uint8], colours: Colours) -> NDArray[np.uint8]:
    """Return the labels [H, W] of a label image [H, W, 3]; colours that are not listed are 0."""
    codes = rgb[:, :, 0].astype(np.int32)
    for channel in (1, 2):
        codes <<= 8
        codes |= rgb[:, :, channel]
    return _table(colours, (1 << 16, 1 << 8, 1))[codes]


@cache
def _table(colours: Colours, weights: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the labels by the weighted sums of their colours' channels."""
    table = np.zeros(255 * sum(weights) + 1, np.uint8)
    table[np.array(colours) @ np.array(weights)] = np.arange(len(colours))
    return table
