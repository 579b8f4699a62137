"""Work done ahead of time in threads, handed out in order; and how long the stages took."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import torch

Result = TypeVar("Result")

# Finished pieces that may wait per worker thread: enough to hide a slow file, small in memory.
_AHEAD_PER_WORKER = 2


@dataclass(kw_only=True)
class StageSeconds:
    """Seconds per stage, summed over images; decoding overlaps with the others."""

    decode: float = 0.0
    waiting: float = 0.0
    """How long the network stood still for want of a decoded image."""
    forward: float = 0.0
    post: float = 0.0
    metric: float = 0.0
    wall: float = 0.0


def ahead(
    work: Callable[[int], Result], indices: Iterable[int], num_workers: int
) -> Iterator[Result]:
    """Yield ``work(index)`` in order while threads work on the next few.

    Args:
        work: called in the threads; what it raises is raised here, in its turn.
        indices: taken one by one, as results are.
        num_workers: threads.
    """
    pool = ThreadPoolExecutor(num_workers, thread_name_prefix="decode")
    remaining = iter(indices)
    waiting: deque[Future[Result]] = deque()
    try:
        for index in islice(remaining, num_workers * _AHEAD_PER_WORKER):
            waiting.append(pool.submit(work, index))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(work, index) for index in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def synchronised_time(device: torch.device) -> float:
    """Return the clock once the device has done its work; GPUs work asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
