"""Processors: how many there are for this process, how many threads compute, and who else does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from hrnet_zoo.doctor.finding import Area, Finding, State
from hrnet_zoo.doctor.software import import_failure
from hrnet_zoo.settings import variables
from hrnet_zoo.system.processors import allowed_processors, visible_processors
from hrnet_zoo.timing.observations import MachineState

_LOOK_S = 0.5
"""Seconds to watch what others do."""


def processors(visible: int, allowed: float | None, threads: int) -> Finding:
    """Hold the threads torch computes with against the processors they can have.

    Args:
        visible: processors that this process may run on.
        allowed: processors' worth of time that its container may use; None: there is no limit.
        threads: that torch computes with.
    """
    limit = "" if allowed is None else f", of which this container may use {allowed:g}"
    found = f"{visible} processors{limit}; threads of torch: {threads}"
    usable = visible if allowed is None else min(visible, max(1, round(allowed)))
    if threads > usable:
        remedy = f"Set OMP_NUM_THREADS={usable}: threads that wait for each other cost time."
        return Finding(Area.PROCESSORS, "threads", State.NOTE, found, remedy)
    if 2 * threads < usable:
        remedy = f"Unset OMP_NUM_THREADS, or set it to up to {usable}, if others need none."
        return Finding(Area.PROCESSORS, "threads", State.NOTE, found, remedy)
    return Finding(Area.PROCESSORS, "threads", State.FINE, found)


def thread_settings(variables: Mapping[str, str]) -> Finding:
    """List the environment variables that say how threads compute and wait."""
    found = " ".join(f"{name}={value}" for name, value in variables.items())
    return Finding(
        Area.PROCESSORS, "settings", State.FINE, found or "none of OMP_, GOMP_, KMP_, MKL_ is set"
    )


def load(state: MachineState) -> Finding:
    """Say whether others compute on this machine, by the measure that `time` goes by."""
    parts = []
    if state.others is not None:
        parts.append(f"others keep {state.others:.1f} of {state.num_processors} processors busy")
    if state.load_before is not None:
        parts.append(f"load average {state.load_before:.1f}")
    found = "; ".join(parts) or "not known on this system"
    if not state.was_shared and (state.load_before or 0) <= state.num_processors:
        return Finding(Area.PROCESSORS, "load", State.FINE, found)
    remedy = (
        "Accuracies stay the same, and verify takes fewer threads by itself. Times do not, and fps "
        "will not count them: wait before time."
    )
    return Finding(Area.PROCESSORS, "load", State.NOTE, found, remedy)


def check() -> Iterator[Finding]:
    """Look at the threads, their settings and the load here; without torch, at the settings."""
    yield thread_settings(variables("OMP_", "GOMP_", "KMP_", "MKL_"))
    if import_failure("torch") is not None:
        return
    import torch

    from hrnet_zoo.timing.machine_state import Watch

    watch = Watch(torch.device("cpu"))
    yield processors(visible_processors(), allowed_processors(), torch.get_num_threads())
    time.sleep(_LOOK_S)
    yield load(watch.state())
