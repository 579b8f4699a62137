"""How like upstream's the answers of a task's networks have to be on reference images."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ReferenceBounds:
    """How like upstream's a task's answers have to be, and why."""

    least: float
    """Share that has to be equal."""
    score: float | None = None
    """Largest difference of a score that is allowed; None: equal answers have equal scores."""
    reason: str
