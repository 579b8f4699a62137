"""What printed text says: numbers with their decimals."""

from __future__ import annotations

import re
from decimal import Decimal

NOT_PRINTED = ("", "-")
"""Cells that print no value: 0 is a value, an empty cell is not."""

_PRINTED_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)


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
