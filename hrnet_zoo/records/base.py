"""What the records of all kinds have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime

from hrnet_zoo.system.environment import Environment
from hrnet_zoo.system.strict import Part
from hrnet_zoo.zoo.row import EditionName

SCHEMA_VERSION = 2
"""Raised whenever a field of any kind changes its meaning; older files are migrated when read."""

Kind = Literal["accuracy", "timing", "memory"]
Status = Literal["started", "completed", "not_run", "error", "interrupted"]


def _with_utc(moment: datetime) -> datetime:
    """Refuse the last hours of the year 9999 west of Greenwich, and the first ones east of it."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("has no year in UTC") from None
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_with_utc)]
"""A time with its zone, which can be said in UTC."""


class Record(Part):
    """What one run on one row observed."""

    schema_version: Literal[2] = 2
    kind: Kind
    row: str
    """Name of the row in the manifest."""
    edition: EditionName = "readme"
    """Whose claim about the row was looked at: its numbers, file and preprocessing."""
    started_at: Moment
    finished_at: Moment | None = None
    environment: Environment = Environment()
