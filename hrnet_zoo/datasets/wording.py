"""Long lists in messages, cut short."""

from __future__ import annotations

from collections.abc import Sequence


def some_of(names: Sequence[str], most: int = 4) -> str:
    """Return the first names, and dots if there are more."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def count_of(names: Sequence[str], what: str, most: int = 4) -> list[str]:
    """Return how many names there are, what they are and the first of them; nothing for none."""
    return [f"{len(names)} {what} ({some_of(names, most)})"] if names else []
