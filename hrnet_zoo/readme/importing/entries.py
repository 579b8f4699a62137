"""What an import gives: entries, complete as far as the file says, and what it had to leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hrnet_zoo.readme.importing.derive import derived_setup, label_notes
from hrnet_zoo.readme.results import Links
from hrnet_zoo.tasks import TASKS
from hrnet_zoo.zoo.columns import NETWORKS
from hrnet_zoo.zoo.row import Table


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of a file."""

    file: str
    line: int
    """From 1."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something that was not understood, or has no place in a manifest."""

    place: Place
    reason: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row, as the manifest would have it."""

    place: Place
    table: Table
    position: int
    linked_name: str | None
    """The configuration's name by the files that are linked; None if none is."""
    known_name: str | None = None
    """What the zoo calls the row, if it was recognised without a file."""
    method: str
    """As printed."""
    dataset_title: str
    """What the file calls the data set."""
    printed: Mapping[str, str]
    """Column -> cell, for each column of the table that does not hold links."""
    links: Links
    stated: tuple[str, ...] = ()
    """Notes of what the file states and a row has no field for."""

    @property
    def name(self) -> str | None:
        """Return the row's name, or None where nothing tells it."""
        return self.linked_name or self.known_name

    @property
    def _label(self) -> str:
        return next((self.printed[column] for column in NETWORKS if column in self.printed), "")

    @cached_property
    def setup(self) -> Mapping[str, object]:
        """Return the setup as far as it follows from the text, as YAML has it."""
        return derived_setup(
            self.table.task,
            method=self.method,
            label=self._label,
            name=self.linked_name or "",
            dataset_title=self.dataset_title,
            crop=self.printed.get("crop_size"),
        )

    @property
    def missing(self) -> list[str]:
        """Return the fields of the setup that do not follow from the text."""
        fields = TASKS[self.table.task].setup.model_fields
        return [field for field in fields if field not in self.setup]

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is worth knowing when reading the row."""
        return (*label_notes(self._label, self.linked_name or ""), *self.stated)


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
    left_out: tuple[LeftOut, ...]
