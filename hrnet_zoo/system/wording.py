"""Words and units that several modules share."""

from __future__ import annotations

from collections.abc import Sequence

GIB = 2**30
"""What tables of training memory call a GB."""


def and_more(names: Sequence[str], shown: int) -> str:
    """Return the first names of a list and how many more there are: "a, b and 3 more"."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
