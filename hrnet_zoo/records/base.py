"""What the records of all kinds have in common."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.strict import Part
from hrnet_zoo.zoo.row import EditionName

SCHEMA_VERSION = 2
"""Raised whenever a field of any kind changes its meaning; older files are migrated when read."""

Kind = Literal["accuracy", "timing", "memory"]
Status = Literal["started", "completed", "not_run", "error", "interrupted"]


class Record(Part):
    """What one run on one row observed."""

    schema_version: Literal[2] = 2
    kind: Kind
    row: str
    """Name of the row in the manifest."""
    edition: EditionName = "readme"
    """Whose claim about the row was looked at: its numbers, file and preprocessing."""
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    environment: Environment = Environment()
