"""Reads all records below a folder; one that cannot be read becomes a problem, not the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import Record, read_record
from hrnet_zoo.records.folder import Kind, run_files
from hrnet_zoo.records.timing import TimingRecord, read_timing

AnyRun = TypeVar("AnyRun", Record, TimingRecord)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A file that says nothing about the zoo, and why."""

    path: str
    """Below the folder of records."""
    reason: str


def read_accuracies(folder: Path) -> Iterator[tuple[str, Record | Problem]]:
    """Yield path (below ``folder``) and content of all records of accuracy, by path."""
    yield from _read_all(folder, "verify", _read)


def read_speeds(folder: Path) -> Iterator[tuple[str, TimingRecord | Problem]]:
    """Yield path (below ``folder``) and content of all timings, by path."""
    yield from _read_all(folder, "time", read_timing)


def _read_all(
    folder: Path, kind: Kind, read: Callable[[Path], AnyRun]
) -> Iterator[tuple[str, AnyRun | Problem]]:
    for file in run_files(folder):
        if file.kind != kind or file.is_empty:
            continue
        name = file.path.relative_to(folder).as_posix()
        try:
            yield name, read(file.path)
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
