"""Holds a data set on disk against what it should be, and collects everything that is wrong.

Evaluation stops at the first bad file; here all are found in one go, before a long run.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.check_report import CheckReport, Problem, SizeCount
from hrnet_zoo.datasets.data_set import DataSet
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.datasets.images import read_bytes
from hrnet_zoo.datasets.inventory import Item, Seen
from hrnet_zoo.datasets.problems import Note, ProblemKind, noting
from hrnet_zoo.errors import DatasetError
from hrnet_zoo.system.progress import Progress

_EXAMPLES = 5
_SAMPLE_SEED = 0

Given = TypeVar("Given")
Result = TypeVar("Result")


def check(
    dataset: DataSet,
    folder: Path,
    *,
    workers: int,
    sample: int | None = None,
    progress: Progress,
) -> CheckReport:
    """Return what is there of a data set's validation split, and all that is wrong with it.

    Args:
        dataset: what should be there.
        folder: the folder that holds the data set's own folder, or that folder itself.
        workers: threads that read and decode; the report does not depend on it.
        sample: read only so many images, always the same ones; None: all.
        progress: told about every image that was read.
    """
    progress.begin(f"{dataset.listing} {dataset.title}", None, "")
    try:
        found = dataset.inventory(folder)
    except DatasetError as error:
        absent = Problem(kind=ProblemKind.ABSENT, count=1, examples=(str(error),))
        return CheckReport(
            name=dataset.name, root=None, num_expected=dataset.num_images, problems=(absent,)
        )
    chosen = _chosen(found.items, sample)
    is_sample = len(chosen) < len(found.items)
    progress.begin(f"checking {dataset.title}", len(chosen), "images")
    seen = in_threads(found.look_at, chosen, workers, progress)
    notes = [*found.notes, *(note for one in seen for note in one.notes)]
    is_evaluable = bool(chosen) and not is_sample and all(k is ProblemKind.COUNT for k, _ in notes)
    labels = found.labels if found.labels is not None else _labels_in(seen)
    if labels is not None and not is_sample:
        notes += dataset.notes_on(labels)
    return CheckReport(
        name=dataset.name,
        root=found.root,
        num_expected=dataset.num_images,
        num_images=found.num_images,
        num_labels=found.num_labels,
        num_pairs=len(found.items),
        num_annotations=found.num_annotations,
        num_read=len(chosen),
        label_files=found.label_files,
        sizes=_size_counts(seen),
        unseen_classes=None
        if labels is None
        else tuple(n for label, n in enumerate(dataset.classes.names) if label not in labels),
        problems=_grouped(notes, found.root),
        fingerprint=fingerprint({i.name: s.digest for i, s in zip(chosen, seen, strict=True)})
        if is_evaluable
        else None,
    )


def _chosen(items: Sequence[Item], sample: int | None) -> Sequence[Item]:
    """Return so many of the items, always the same ones; None: all."""
    if sample is None or sample >= len(items):
        return items
    chosen = np.random.default_rng(_SAMPLE_SEED).choice(len(items), sample, replace=False)
    return [items[index] for index in sorted(chosen)]


def in_threads(
    function: Callable[[Given], Result], given: Iterable[Given], workers: int, progress: Progress
) -> list[Result]:
    """Return what a function makes of each, in their order; nothing is begun after an error."""
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(function, one) for one in given]
        try:
            for done, future in enumerate(as_completed(futures), 1):
                future.result()
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


def _labels_in(seen: Iterable[Seen]) -> frozenset[int] | None:
    """Return the labels that occur in any label file; None: none could be read."""
    known = [one.labels for one in seen if one.labels is not None]
    return frozenset[int]().union(*known) if known else None


def _size_counts(seen: Iterable[Seen]) -> tuple[SizeCount, ...]:
    """Count the sizes of the images that could be decoded, the most common first."""
    counts = Counter(one.size for one in seen if one.size is not None)
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(SizeCount(width=w, height=h, images=count) for (w, h), count in by_count)


def _grouped(notes: Sequence[Note], root: Path) -> tuple[Problem, ...]:
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
