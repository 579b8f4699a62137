"""What printed text says: numbers with their decimals, and links with the hash they promise."""

from __future__ import annotations

import re
from decimal import Decimal

NOT_PRINTED = ("", "-")
"""Cells that print no value: 0 is a value, an empty cell is not."""

_PRINTED_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_SHA256_SUFFIX = re.compile(r"-([0-9a-f]{8})\.pth$")


def link_file_name(url: str) -> str:
    """Return the file name at the end of a link."""
    return url.partition("?")[0].rpartition("/")[2]


def promised_sha256(file_name: str) -> str | None:
    """Return the 8 hex digits at the end of a published file's name, or None if it has none.

    Source:
        mmsegmentation 0.20.2 and mmdetection 2.3.0, tools/publish_model.py: the file is saved,
        hashed, and renamed to end in the first 8 digits of its SHA-256.
    """
    match = _SHA256_SUFFIX.search(file_name)
    return match[1] if match else None


def decimals_of(printed: Decimal) -> int:
    """Return how many decimals a documented value is printed with."""
    return len(str(printed).partition(".")[2])


def printed_number(text: str | None) -> Decimal | None:
    """Return a printed number with its decimals, or None for an empty cell, "-" or no column.

    Raises:
        ValueError: the text is something else.
    """
    if text is None or text in NOT_PRINTED:
        return None
    if _PRINTED_NUMBER.fullmatch(text) is None:
        msg = f'"{text}" is neither a decimal number nor an empty cell ("" or "-")'
        raise ValueError(msg)
    return Decimal(text)
