"""Which run counts, where several say something about one number.

The run that counts is the one of most weight; of several such, the newest. What has weight depends
on what one wants to know: a run over more images says more about an accuracy, one that can be
compared with the documented value says more in a report.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

Number = TypeVar("Number", bound=Hashable)
Run = TypeVar("Run")


class Counting(Generic[Number, Run]):
    """The run that counts of every number, while runs are looked at one after the other.

    Runs may come in any order; of two that began in the same second, the one added later counts.
    """

    def __init__(self) -> None:
        self.runs: dict[Number, Run] = {}
        """By what they say something about."""
        self._weights: dict[Number, tuple[int, datetime]] = {}

    def add(self, number: Number, run: Run, began: datetime, weight: int = 0) -> None:
        """Let a run count for a number, unless one that is known counts more."""
        known = self._weights.get(number)
        if known is None or (weight, began) >= known:
            self.runs[number] = run
            self._weights[number] = (weight, began)
