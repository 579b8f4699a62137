"""What checks of all kinds of data sets share: reading files in parallel, noting problems."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.check_report import Note, Problem, ProblemKind, SizeCount
from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.errors import DatasetError, LabelFormatError
from hrnet_zoo.system.progress import Progress

_EXAMPLES = 5
_SAMPLE_SEED = 0

Item = TypeVar("Item")
Seen = TypeVar("Seen")


def choose(items: Sequence[Item], sample: int | None) -> Sequence[Item]:
    """Return so many of the items, always the same ones; None: all."""
    if sample is None or sample >= len(items):
        return items
    chosen = np.random.default_rng(_SAMPLE_SEED).choice(len(items), sample, replace=False)
    return [items[index] for index in sorted(chosen)]


def look_at_all(
    items: Sequence[Item], look_at: Callable[[Item], Seen], workers: int, progress: Progress
) -> list[Seen]:
    """Return what each item showed, in the order of the items."""
    with ThreadPoolExecutor(workers, thread_name_prefix="check") as pool:
        futures = [pool.submit(look_at, item) for item in items]
        try:
            for done, _ in enumerate(as_completed(futures), 1):
                progress.update(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        return [future.result() for future in futures]


def decoded(
    path: Path,
    decode: Callable[[bytes, Path], NDArray[np.uint8]],
    damage: ProblemKind,
    notes: list[Note],
) -> tuple[bytes, NDArray[np.uint8]] | None:
    """Return a file's content and pixels, or None after noting what is wrong with it."""
    with noting(ProblemKind.UNREADABLE, notes):
        content = read_bytes(path)
        with noting(damage, notes):
            return content, decode(content, path)
    return None


@contextmanager
def noting(kind: ProblemKind, notes: list[Note]) -> Iterator[None]:
    """Turn an error into a note of this kind."""
    try:
        yield
    except LabelFormatError as error:
        notes.append((ProblemKind.LABEL_FORMAT, str(error)))
    except DatasetError as error:
        notes.append((kind, str(error)))


def size_counts(sizes: Iterable[tuple[int, int] | None]) -> tuple[SizeCount, ...]:
    """Count the (width, height) of images; None: not known."""
    counts = Counter(size for size in sizes if size is not None)
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SizeCount(width=w, height=h, images=count) for (w, h), count in by_count)


def grouped(notes: Sequence[Note], root: Path) -> tuple[Problem, ...]:
    """Return one problem per kind, in the order of the kinds."""
    by_kind: dict[ProblemKind, list[str]] = {kind: [] for kind in ProblemKind}
    for kind, text in notes:
        by_kind[kind].append(text)
    return tuple(
        Problem(
            kind=kind,
            count=len(texts),
            examples=tuple(text.replace(f"{root}{os.sep}", "") for text in texts[:_EXAMPLES]),
        )
        for kind, texts in by_kind.items()
        if texts
    )
