"""Which runs can be deleted, and deleting them with everything that lies beside their records."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import filelock

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.images_file import beside
from hrnet_zoo.records.journal import LARGEST_JOURNAL
from hrnet_zoo.records.runs import Run, Store
from hrnet_zoo.records.selection import Counting
from hrnet_zoo.system.opening import read_regular

MAY_BE_GOING_ON = timedelta(days=7)
"""How long a run that says "started" may still be fetching or checking data.

From then on it has a journal, whose lock tells whether it goes on.
"""


@dataclass(frozen=True, kw_only=True)
class Doomed:
    """A run that goes, and what goes with it."""

    run: Run
    files: list[Path]
    """Files and folders; the record comes last, so that what broke off can be done again."""
    size_bytes: int


def superfluous(store: Store, keep: int, now: datetime) -> list[Doomed]:
    """Return the runs beyond the newest ``keep`` of each row, edition and kind, newest first.

    However old they are, the newest completed run of each stays, the one that counts of every
    number on every device, and a run that may be going on.

    Args:
        store: what there is.
        keep: how many runs stay, at least 1.
        now: the present.
    """
    groups: dict[tuple[object, ...], list[Run]] = {}
    for run in store.runs:
        # A folder inside another may be kept for a reason of its own: it counts for itself.
        key = (Path(run.file).parent, run.row, run.edition, run.kind)
        groups.setdefault(key, []).append(run)
    going = []
    for runs in groups.values():
        staying = _irreplaceable(runs)
        going += [
            run
            for run in runs[keep:]
            if run.file not in staying and not _may_be_going_on(store.folder, run, now)
        ]
    going.sort(key=lambda run: run.started_at, reverse=True)
    return [_with_company(store.folder, run) for run in going]


def _irreplaceable(runs: Sequence[Run]) -> set[str]:
    """Return the files of the newest completed run, and of the one that counts of every number.

    That is the newest over the most images: one with "--limit" says less than the full one before.
    Whether a run can be compared with the documented value is not asked: that needs a manifest.

    Args:
        runs: of one row, edition and kind, newest first.
    """
    counting = Counting[tuple[str, str | None] | None, Run]()
    for run in reversed(runs):
        if run.status == "completed":
            counting.add(None, run, run.started_at)
            for name in run.values:
                counting.add((name, run.device), run, run.started_at, run.num_images or 0)
    return {run.file for run in counting.runs.values()}


def delete(doomed: Iterable[Doomed]) -> int:
    """Delete runs with all that belongs to them and return how many bytes that freed.

    Raises:
        RecordError: something cannot be deleted.
    """
    freed = 0
    for one in doomed:
        for path in one.files:
            try:
                freed += _size(path)
                if _is_folder(path):
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            except OSError as error:
                msg = (
                    f"{path} cannot be deleted: {error.strerror or error}. What was to be deleted "
                    "before it is gone; give the command again once you may write there."
                )
                raise RecordError(msg) from None
    return freed


def _may_be_going_on(folder: Path, run: Run, now: datetime) -> bool:
    if run.status != "started":
        return False
    return now - run.started_at < MAY_BE_GOING_ON or any(
        _is_locked(lock) for lock in (folder / run.file).parent.glob(".unfinished-*.jsonl.lock")
    )


def _is_locked(path: Path) -> bool:
    try:
        if path.exists():
            with filelock.FileLock(path, timeout=0):
                pass
        return False
    except (filelock.Timeout, OSError):
        return True  # also where it cannot be told


def _with_company(folder: Path, run: Run) -> Doomed:
    record = folder / run.file
    company = [beside(record), record.with_suffix(".worst")]
    files = [path for path in company if path.exists()]
    for journal in record.parent.glob(".unfinished-*.jsonl"):
        lock = journal.with_name(f"{journal.name}.lock")
        # Nobody but this run could be continued from it.
        if _runs_in(journal)[-1:] == [record.name] and not _is_locked(lock):
            files += [journal, lock]
    files.append(record)
    return Doomed(run=run, files=files, size_bytes=sum(map(_size, files)))


def _runs_in(journal: Path) -> list[str]:
    """Return the file names of the records that wrote into a journal, in their order."""
    runs = []
    try:
        lines = read_regular(journal, LARGEST_JOURNAL).splitlines()
    except OSError:
        return []
    for line in lines:
        if b'"record"' not in line:
            continue
        try:
            runs.append(json.loads(line.partition(b" ")[2])["record"])
        except (ValueError, LookupError, TypeError, RecursionError):
            continue  # a line that was cut short
    return runs


def _size(path: Path) -> int:
    if _is_folder(path):
        return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
    return path.lstat().st_size if path.exists() else 0


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()  # a link goes, not what it leads to
