"""Words and units that several modules share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

GIB = 2**30
"""What tables of training memory call a GB."""


class Answer(StrEnum):
    """One of several answers; its value, as programs know it, says it in words, too."""

    @property
    def label(self) -> str:
        """Return the answer in words, for people: "not run", "mismatch (worse)"."""
        head, _, rest = self.value.partition("_")
        is_in_two = head in ("mismatch", "outlier")
        return f"{head} ({rest})" if is_in_two else self.value.replace("_", " ")


def and_more(names: Sequence[str], shown: int) -> str:
    """Return the first names of a list and how many more there are: "a, b and 3 more"."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
