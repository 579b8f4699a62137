"""What an import gives: entries, complete as far as the file says, and the lines it cannot read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hrnet_zoo.zoo.row import Table, Task


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file."""

    file: str
    line: int
    """From 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that was not understood, or has no place in a manifest."""

    place: Place
    reason: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row, as the manifest would have it."""

    place: Place
    name: str | None
    """None where nothing tells the configuration's name."""
    task: Task
    source: str
    table: str
    position: int
    method: str
    printed: Mapping[str, str]
    """Column -> cell, for each column of the table that does not hold links."""
    config_url: str | None
    checkpoint_url: str | None
    log_url: str | None
    setup: Mapping[str, object]
    """Only what follows from the text; values as YAML has them."""
    missing: tuple[str, ...]
    """Fields of the reading that do not follow from it."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Imported:
    """All entries of a file, with what surrounds them in a manifest."""

    source: str
    """Key of the file in the manifest's `sources`."""
    title: str
    url: str | None
    """Where the file is published; None where that is not known."""
    tables: tuple[Table, ...]
    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
