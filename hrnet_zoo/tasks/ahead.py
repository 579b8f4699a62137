"""Work done ahead of time or behind it in threads, in order; and how long the stages took."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

# Finished pieces that may wait per worker thread: enough to hide a slow file, small in memory.
_AHEAD_PER_WORKER = 2
_MOST_WORKERS = 16


@dataclass(kw_only=True)
class StageSeconds:
    """Seconds per stage, summed over images; decoding overlaps with the others."""

    decode: float = 0.0
    waiting: float = 0.0
    """How long the network stood still for want of an image, decoded and, on GPUs, sent there."""
    num_workers: int = 0
    """Threads that decoded images, at most."""
    forward: float = 0.0
    post: float = 0.0
    metric: float = 0.0
    wall: float = 0.0


def ahead(
    work: Callable[[int], Result],
    indices: Iterable[int],
    num_workers: int | None,
    seconds: StageSeconds,
) -> Iterator[Result]:
    """Yield ``work(index)`` in order while threads work on the next few.

    Args:
        work: called in the threads; what it raises is raised here, in its turn.
        indices: taken one by one, as results are.
        num_workers: threads. None: few at first, and one more whenever a result was late, so that
            a network that computes on the same processors keeps them. Nothing is tried out
            beforehand, because images differ.
        seconds: its ``num_workers`` tells how many it became.
    """
    most = num_workers or min(_MOST_WORKERS, os.cpu_count() or 1)
    seconds.num_workers = num_workers or 1
    pool = ThreadPoolExecutor(most, thread_name_prefix="decode")
    remaining = iter(indices)
    waiting: deque[Future[Result]] = deque()
    is_first = True
    try:
        while True:
            wanted = seconds.num_workers * _AHEAD_PER_WORKER - len(waiting)
            waiting.extend(pool.submit(work, index) for index in islice(remaining, wanted))
            if not waiting:
                return
            # Nothing could have been ready for the first one.
            if not is_first and not waiting[0].done() and seconds.num_workers < most:
                seconds.num_workers += 1
            is_first = False
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def one_behind(
    pieces: Iterable[tuple[Item, Callable[[], Result]]],
) -> Iterator[tuple[Item, Result]]:
    """Yield every item with the result of its work, done in a thread while the next is fetched.

    Args:
        pieces: items, each with work to do. What the work raises is raised here, in its turn; what
            fetching the next item raises, after the item before has been yielded.
    """
    remaining, failure = iter(pieces), None
    before: tuple[Item, Future[Result]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="behind") as thread:
        while True:
            try:
                piece = next(remaining, None)
            except Exception as error:  # noqa: BLE001 - it is raised below
                piece, failure = None, error
            coming = None if piece is None else (piece[0], thread.submit(piece[1]))
            if before is not None:
                yield before[0], before[1].result()
            if coming is None:
                break
            before = coming
    if failure is not None:
        raise failure


def no_main_memory(index: int) -> str:
    """Return the words for main memory that did not suffice to decode and resize a sample."""
    return (
        f"Main memory ran out while image {index + 1} of the data set was decoded and resized. "
        "Free some, or pass a smaller --workers; nothing was made smaller to fit."
    )


def image_too_large(size: tuple[int, int], device: torch.device) -> str:
    """Return the words for a device whose memory an image of (height, width) was too large for."""
    height, width = size
    return (
        f"{device} ran out of memory on an image of {width} x {height} pixels. Free memory on it "
        "or choose another --device; nothing was made smaller to fit."
    )
