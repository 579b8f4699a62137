"""How torch's threads share the processors with other programs.

Threads that wait for each other spin by default, for milliseconds. On processors that others use as
well, that keeps the awaited ones from computing: a demo of ten seconds had not finished after two
hundred beside a program with as many threads. All of this is settled when torch is imported, and it
concerns the whole process; so commands settle it, and importing the package does not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_PROC_STAT = Path("/proc/stat")
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
"""What a container may use, as "quota period" in microseconds or "max period"."""
_BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq, steal; what is left out is idle or counted twice."""
_LOOK_S = 0.1
"""The kernel counts in hundredths of a second."""
_WORTH_HEEDING = 0.5
"""Processors: less is what any machine does by the way."""

SHORT_SPINS = {"GOMP_SPINCOUNT": "1000"}
"""Some ten microseconds: as long as a thread is late that was not kept from computing."""


def seconds_of_others() -> float | None:
    """Return the processor time of all other processes since the machine was started."""
    try:
        columns = _PROC_STAT.read_text(encoding="ascii").splitlines()[0].split()[1:]
        ticks = sum(int(columns[i]) for i in _BUSY_COLUMNS)
        return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()
    except (OSError, ValueError, IndexError, AttributeError):  # not a Linux
        return None


def busy_processors(sleep: Callable[[float], object] = time.sleep) -> float | None:
    """Return how many processors other programs keep busy just now; None if nobody tells."""
    begin, before = time.monotonic(), seconds_of_others()
    if before is None:
        return None
    sleep(_LOOK_S)
    after = seconds_of_others()
    return None if after is None else max(0.0, after - before) / (time.monotonic() - begin)


def visible_processors() -> int:
    """Return how many processors this process may run on."""
    with suppress(AttributeError):  # only Linux has it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def allowed_processors() -> float | None:
    """Return how many processors' worth of time its container may use; None: there is no limit."""
    with suppress(OSError, ValueError):
        quota, period = _CPU_MAX.read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    return None


def fair_share(processors: int, busy: float | None) -> int | None:
    """Return how many threads to compute with beside others; None: as many as torch likes.

    Args:
        processors: that this process may use.
        busy: that others keep busy; None: unknown.

    Returns:
        As many as are left, but half of the processors where others want more than theirs: threads
        that take turns on a processor keep all that wait for them.
    """
    if busy is None or busy < _WORTH_HEEDING:
        return None
    return max(1, processors - round(busy), processors // 2)
