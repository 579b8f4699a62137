"""Does the pieces of a plan in parallel, and counts what became of their outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hrnet_zoo.datasets.prepare.plan import Piece, Plan
from hrnet_zoo.datasets.prepare.writing import Outcome, Writer, check_space
from hrnet_zoo.system.wording import and_more
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.progress import Progress

Tally = Counter[tuple[str, Outcome]]
"""(output folder, outcome) -> number of files."""


def carry_out(
    plan: Plan, root: Path, *, title: str, workers: int, overwrite: bool, progress: Progress
) -> Tally:
    """Do all pieces; the same call again does what an interrupted one left undone.

    Threads suffice: decoding, encoding, unzipping and table look-ups all release the
    interpreter's lock. Memory is bounded, for each thread holds one source image at a time.

    Raises:
        DatasetError: a source is damaged, a different file is in the way, the disk is full, or
            another preparation of the same data set is going on.
    """
    check_space(root, list(plan.expected), plan.least_bytes)
    tally: Tally = Counter()
    with _alone(root, title), ThreadPoolExecutor(workers) as pool:
        progress.begin(f"prepare {title}", len(plan.pieces), "images")
        writer = Writer(root, overwrite=overwrite)
        futures = [pool.submit(_do, piece, writer) for piece in plan.pieces]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                tally.update(future.result())
                progress.update(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tally


def _do(piece: Piece, writer: Writer) -> Tally:
    tally: Tally = Counter()
    different = []
    for output in piece.make():
        outcome = writer.put(output)
        tally[output.path.rpartition("/")[0], outcome] += 1
        if outcome is Outcome.DIFFERENT:
            different.append(output.path)
    if different:
        msg = (
            f"{len(different)} files for {piece.name} are already there with other content: "
            f"{some_of(different)}. Nothing was replaced. Pass --overwrite to replace such files, "
            "or prepare into another --data-root."
        )
        raise DatasetError(msg)
    return tally


@contextmanager
def _alone(root: Path, title: str) -> Iterator[None]:
    """Keep a second preparation of the same folder out."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".prepare.lock", timeout=0)
        lock.acquire()
    except Timeout:
        msg = f"Another process is preparing {title} in {root}. Wait until it is done."
        raise DatasetError(msg) from None
    except (OSError, NotImplementedError) as error:  # filelock: a file system without locks
        reason = getattr(error, "strerror", None) or error
        msg = f"{root} cannot be written to: {reason}. Pass another --data-root."
        raise DatasetError(msg) from error
    try:
        yield
    finally:
        lock.release()
