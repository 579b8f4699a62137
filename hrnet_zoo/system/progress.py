"""What long work reports while it goes on; how it is shown is the caller's business."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Receives the steps of a run."""

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Start a step of ``total`` units (None: unknown); the step before it is over."""

    def update(self, done: int, total: int | None = None) -> None:
        """Report units done so far in this step, and the total if it became known."""

    def say(self, text: str) -> None:
        """Report something worth reading, in one line."""


class Silent:
    """A Progress that shows nothing."""

    def begin(self, what: str, total: int | None, unit: str) -> None:
        """Ignore it."""

    def update(self, done: int, total: int | None = None) -> None:
        """Ignore it."""

    def say(self, text: str) -> None:
        """Ignore it."""
