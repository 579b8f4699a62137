"""Label colours to label values, by table."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

ISPRS_COLOURS = (
    (0, 0, 0),  # boundary
    (255, 255, 255),  # impervious surface
    (0, 0, 255),  # building
    (0, 255, 255),  # low vegetation
    (0, 255, 0),  # tree
    (255, 255, 0),  # car
    (255, 0, 0),  # clutter
)
"""Stored label -> RGB colour in Potsdam and Vaihingen."""

ISAID_COLOURS = (
    (0, 0, 0),
    (0, 0, 63),
    (0, 63, 63),
    (0, 63, 0),
    (0, 63, 127),
    (0, 63, 191),
    (0, 63, 255),
    (0, 127, 63),
    (0, 127, 127),
    (0, 0, 127),
    (0, 0, 191),
    (0, 0, 255),
    (0, 191, 127),
    (0, 127, 191),
    (0, 127, 255),
    (0, 100, 155),
)
"""Stored label -> RGB colour in iSAID."""

_ISPRS_WEIGHTS = (4, 3, 2)


def isprs_labels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the stored labels 0 to 6 [H, W] of a label image [H, W, 3]; other colours are 0.

    Source:
        mmsegmentation 1.2.2, tools/dataset_converters/potsdam.py: colours are told apart by a
        weighted sum of their channels, under which some colours that do not occur coincide.
    """
    sums = np.zeros(rgb.shape[:2], np.uint16)
    for channel, weight in enumerate(_ISPRS_WEIGHTS):
        sums += rgb[:, :, channel] * np.uint16(weight)
    return _isprs_table()[sums]


def isaid_labels(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the labels 0 to 15 [H, W] of a label image [H, W, 3]; other colours are 0."""
    codes = rgb[:, :, 0].astype(np.int32)
    for channel in (1, 2):
        codes <<= 8
        codes |= rgb[:, :, channel]
    return _isaid_table()[codes]


@cache
def _isprs_table() -> NDArray[np.uint8]:
    table = np.zeros(255 * sum(_ISPRS_WEIGHTS) + 1, np.uint8)
    table[np.array(ISPRS_COLOURS) @ np.array(_ISPRS_WEIGHTS)] = np.arange(len(ISPRS_COLOURS))
    return table


@cache
def _isaid_table() -> NDArray[np.uint8]:
    table = np.zeros(1 << 24, np.uint8)
    codes = np.array(ISAID_COLOURS) @ np.array((1 << 16, 1 << 8, 1))
    table[codes] = np.arange(len(ISAID_COLOURS))
    return table
