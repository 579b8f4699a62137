"""Reads all records below a folder; one that cannot be read becomes a problem, not the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hrnet_zoo.records.files import AnyRecord
from hrnet_zoo.records.folder import Unusable, read_files, run_files


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A file that says nothing about the zoo, and why."""

    path: str
    """Below the folder of records."""
    reason: str


def read_all(folder: Path) -> Iterator[tuple[str, AnyRecord | Problem]]:
    """Yield path (below ``folder``) and content of all records, by path."""
    for found in read_files(file for file in run_files(folder) if not file.is_empty):
        if isinstance(found, Unusable):
            name = found.file.path.relative_to(folder).as_posix()
            # Pages are passed on: they hold no folders of this machine.
            yield name, Problem(path=name, reason=found.reason.replace(f"{folder}/", ""))
        else:
            yield found.path.relative_to(folder).as_posix(), found.record
