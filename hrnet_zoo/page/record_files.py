"""Reads all records below a folder; one that cannot be read becomes a problem, not the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records import Record, read_record
from hrnet_zoo.timing_records import TimingRecord, read_timing


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A file that says nothing about the zoo, and why."""

    path: str
    """Below the folder of records."""
    reason: str


def read_accuracies(folder: Path) -> Iterator[tuple[str, Record | Problem]]:
    """Yield path (below ``folder``) and content of all records of accuracy, by path."""
    for path in sorted(folder.glob("*/*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            yield name, _read(path)
        except RecordError as error:
            yield name, Problem(path=name, reason=_without_folder(error, folder))


def read_speeds(folder: Path) -> Iterator[tuple[str, TimingRecord | Problem]]:
    """Yield path (below ``folder``) and content of all timings, by path.

    A file is empty until its run is complete, and no timing yet.
    """
    for path in sorted(folder.glob("*/timings/*.json")):
        name = path.relative_to(folder).as_posix()
        try:
            if path.is_file() and not path.stat().st_size:
                continue
            yield name, read_timing(path)
        except RecordError as error:
            yield name, Problem(path=name, reason=_without_folder(error, folder))


def _read(path: Path) -> Record:
    # Parsing and checking in one step takes half the time, which matters for thousands of records.
    # What does not pass is read again in the usual way, which knows older versions and what to say.
    try:
        return Record.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return read_record(path)


def _without_folder(error: RecordError, folder: Path) -> str:
    """Return what is wrong, without folders of this machine: pages are passed on."""
    return str(error).replace(f"{folder}/", "")
