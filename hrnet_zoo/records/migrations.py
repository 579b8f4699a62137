"""Brings records of earlier versions into the shape of the newest one, one version at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Migrations = Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]]
"""From the version of a record to the function that makes the next version of its content."""

FIRST_VERSION = 1


def migrate(content: dict[str, Any], newest_version: int, migrations: Migrations) -> dict[str, Any]:
    """Return a record's content in the newest version; content of an unknown version as it is.

    Args:
        content: a record as read from JSON; it stays as it is.
        newest_version: where to stop.
        migrations: one step for every version from `FIRST_VERSION` up to the newest but one.
    """
    version = content.get("schema_version", FIRST_VERSION)
    while isinstance(version, int) and version < newest_version and version in migrations:
        content = migrations[version](dict(content))
        version += 1
        content["schema_version"] = version
    return content
