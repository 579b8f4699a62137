"""index.json: what a folder of records holds, kept so that long lists need not read every file.

It is a cache and can be deleted at any time. What it says of a file counts only as long as the
file has the same size and time: a folder of records can be copied, merged and edited by hand, and
an index that had to be right could not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.folder import INDEX_NAME
from hrnet_zoo.records.runs import Run, Store, read_store
from hrnet_zoo.system.strict import Part
from hrnet_zoo.system.whole_file import write_whole

INDEX_VERSION: Literal[3] = 3
"""An index of another version is not used."""


class _Index(Part):
    index_version: Literal[3] = INDEX_VERSION
    runs: list[Run]


def index_file(folder: Path) -> Path:
    """Return where the index of a folder of records is."""
    return folder / INDEX_NAME


def open_store(folder: Path) -> Store:
    """Return all runs below a folder, reading only the files that the index does not know."""
    return read_store(folder, _indexed(folder))


def rebuild_index(folder: Path) -> Store:
    """Read every record of a folder, write its index, and return what was found.

    Raises:
        RecordError: the index cannot be written.
    """
    store = read_store(folder)
    write_index(store)
    return store


def write_index(store: Store) -> None:
    """Write the index of a folder, replacing an earlier one in one step.

    Raises:
        RecordError: the index cannot be written.
    """
    path = index_file(store.folder)
    lines = ",\n".join(run.model_dump_json() for run in store.runs)
    try:
        write_whole(path, f'{{"index_version": {INDEX_VERSION}, "runs": [\n{lines}\n]}}\n')
    except OSError as error:
        msg = (
            f"The index {path} cannot be written: {error.strerror or error}. Records can be listed "
            "without it."
        )
        raise RecordError(msg) from None


def _indexed(folder: Path) -> list[Run]:
    """Return what the index says; nothing if it is missing, damaged or of another version."""
    try:
        return _Index.model_validate_json(index_file(folder).read_bytes()).runs
    except (OSError, ValidationError):
        return []
