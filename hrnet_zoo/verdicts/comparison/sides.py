"""The two sides of a comparison: what BASE and HEAD name, and the records there.

Each is a folder of records, a record, or a revision of a git repository.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hrnet_zoo.errors import PrerequisiteError, RecordError, UsageError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.folder import (
    Found,
    RunFile,
    Unusable,
    read_files,
    run_files,
    without_classes,
    without_collector,
)
from hrnet_zoo.records.timing import TimingRecord


@dataclass(frozen=True, kw_only=True)
class RecordsPlace:
    """Where the records of one side lie while they are compared."""

    title: str
    """How the user knows the folder; stands for it in messages."""
    folder: Path
    path: Path
    """The folder itself, or one file in it."""


@contextmanager
def open_place(name: str, default_folder: Path) -> Iterator[RecordsPlace]:
    """Make the records that a user named available as files.

    A file or folder of that name wins over a revision; "REV:PATH" always means a revision, and
    PATH is then understood as git does: from the top of the repository.

    Args:
        name: a folder, a record file, "REV" or "REV:PATH".
        default_folder: where the records are in a revision named without a path.

    Raises:
        UsageError: it is none of these.
        RecordError: the revision has nothing there.
        PrerequisiteError: git refuses to hand it out.
    """
    path = Path(name)
    if name and path.is_dir():
        yield RecordsPlace(title=str(path), folder=path, path=path)
    elif path.is_file():
        yield RecordsPlace(title=str(path.parent), folder=path.parent, path=path)
    else:
        with _open_revision(name, default_folder) as place:
            yield place


def require_two(base: str, head: str) -> None:
    """Refuse to compare runs with themselves: such a gate could never close.

    Raises:
        UsageError: both are the same, or one lies in the other.
    """
    paths = [Path(name).resolve() for name in (base, head) if name and Path(name).exists()]
    if base == head or (len(paths) == 2 and paths[0] == paths[1]):
        what = f"BASE and HEAD are both {base}; comparing it with itself finds nothing."
    elif len(paths) == 2 and any(a.is_relative_to(b) for a, b in (paths, paths[::-1])):
        what = (
            f"One of {base} and {head} lies in the other; runs would be compared with themselves."
        )
    else:
        return
    msg = (
        f"{what} Write the new records into another folder with --output, or name a git revision "
        "as BASE."
    )
    raise UsageError(msg)


@contextmanager
def _open_revision(name: str, default_folder: Path) -> Iterator[RecordsPlace]:
    revision, colon, inside = name.partition(":")
    where = inside if colon else f"./{default_folder.as_posix()}"
    _require_revision(name, revision)
    kind = _git("cat-file", "-t", f"{revision}:{where}").stdout.decode().strip()
    if kind not in ("tree", "blob"):
        msg = (
            f"Revision {revision} has no {where.removeprefix('./')}. Records must be committed to "
            'be found there; name another folder with --folder, or as "REV:FOLDER".'
        )
        raise RecordError(msg)
    parent, _, file = where.rpartition("/") if kind == "blob" else (where, "", "")
    with tempfile.TemporaryDirectory(prefix="hrnet-zoo-") as temporary:
        folder = Path(temporary)
        _unpack(f"{revision}:{parent}", folder)
        title = f"{revision}:{parent.removeprefix('./')}"
        yield RecordsPlace(title=title, folder=folder, path=folder / file)


def _require_revision(name: str, revision: str) -> None:
    reason = "it cannot be the name of one"
    # Git would take a leading dash for an option; no revision has one.
    if revision and not revision.startswith("-"):
        found = _git("rev-parse", "--verify", f"{revision}^{{commit}}")
        if found.returncode == 0:
            return
        reason = found.stderr.decode(errors="replace").strip()
    msg = (
        f'There is no folder, record file or git revision "{name}" here (git: {reason}). A clone '
        "in CI often has only its newest commit; fetch the other one first."
    )
    raise UsageError(msg)


def _unpack(tree: str, folder: Path) -> None:
    # From the top: elsewhere git would look for the current folder inside the tree.
    top = _git("rev-parse", "--show-toplevel").stdout.decode().strip() or "."
    identity = _git("rev-parse", tree).stdout.decode().strip()
    archived = _git("-C", top, "archive", "--format=zip", identity)
    if archived.returncode:
        reason = archived.stderr.decode(errors="replace").strip()
        msg = f"git does not hand out {tree}: {reason}"
        raise PrerequisiteError(msg)
    with zipfile.ZipFile(io.BytesIO(archived.stdout)) as archive:
        archive.extractall(folder)


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["git", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell
    except FileNotFoundError:
        msg = (
            f"git is not installed, so {arguments[-1]} cannot be looked up. Name a folder instead."
        )
        raise PrerequisiteError(msg) from None


@dataclass(frozen=True, kw_only=True)
class RecordSet:
    """The records of one side."""

    accuracies: list[Found[AccuracyRecord]] = field(default_factory=list)
    """Newest first, without what is said of single classes."""
    timings: list[Found[TimingRecord]] = field(default_factory=list)
    """Newest first."""
    problems: list[str] = field(default_factory=list)
    """One message for each file that is not a usable record."""

    def __len__(self) -> int:
        return len(self.accuracies) + len(self.timings)


def read_side(place: Path) -> RecordSet:
    """Return the records in a folder, at any depth, or the record in a file."""
    side = RecordSet()
    with without_collector():
        for found in read_files(_without_history(run_files(place))):
            if isinstance(found, Unusable):
                side.problems.append(found.reason)
            elif isinstance(found.record, AccuracyRecord):
                record = without_classes(found.record)
                side.accuracies.append(Found(record=record, path=found.path))
            elif isinstance(found.record, TimingRecord):
                side.timings.append(Found(record=found.record, path=found.path))
    for runs in (side.accuracies, side.timings):
        # Of runs of one second, the last one comes first.
        runs.sort(key=lambda run: run.record.started_at)
        runs.reverse()
    return side


def _without_history(files: list[RunFile]) -> Iterable[RunFile]:
    """Leave out empty files that a later run followed: those runs were killed, and done again.

    One that nothing ran after stays and is a problem: a gate must not pass for want of a run.
    Memory is not compared, so none is wanted there.
    """
    last_in_folder = {file.path.parent: file for file in files}
    return (
        file
        for file in files
        if not file.is_empty
        or (file.usual_kind != "memory" and last_in_folder[file.path.parent] == file)
    )
