"""A trace of a few images' evaluation, for the eyes of whoever wants it faster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch.profiler import ProfilerActivity, profile, schedule

from hrnet_zoo.errors import RecordError
from hrnet_zoo.system.progress import Progress

Result = TypeVar("Result")

_SKIPPED = 1
_WARM_UP = 1
_TRACED = 8


def traced(results: Iterable[Result], path: Path | None, progress: Progress) -> Iterator[Result]:
    """Yield the results while what happens for a few of them is written down.

    The first two images are left out, because they pay for what happens only once; the next eight
    are traced. Fewer images give a shorter trace, and fewer than three give none.

    Args:
        results: evaluated as they are asked for.
        path: where Chrome's trace format goes, also understood by Perfetto; None: no trace.
        progress: told where the trace is, or that there is none.

    Raises:
        RecordError: the trace cannot be written.
    """
    if path is None:
        yield from results
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    with profile(
        activities=activities,
        schedule=schedule(wait=_SKIPPED, warmup=_WARM_UP, active=_TRACED, repeat=1),
        on_trace_ready=lambda finished: _export(finished, path),
    ) as profiler:
        for result in results:
            yield result
            profiler.step()
    nothing = "no trace: fewer than three images were evaluated"
    progress.say(f"trace: {path}" if path.is_file() else nothing)


def _export(finished: profile, path: Path) -> None:
    try:
        finished.export_chrome_trace(str(path))
    except (OSError, RuntimeError) as error:
        msg = f"The trace {path} cannot be written: {error}. Pass another --profile."
        raise RecordError(msg) from None
