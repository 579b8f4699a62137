"""Each GPU: what it is, whether it computes, what is free, and whether NVML tells its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from hrnet_zoo.doctor.finding import Area, Finding, State, guarded
from hrnet_zoo.doctor.software import import_failure
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.wording import GIB

_MUCH_IN_USE = 0.2
"""Share of a GPU's memory: what a context takes is far less, what another program takes more."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """What torch says of a GPU."""

    device: str
    """ "cuda:0" """
    name: str
    capability: tuple[int, int]
    failure: str | None = None
    """Why it cannot be used; None: it computes."""
    free: int = 0
    """Bytes, if it can be used."""
    total: int = 0
    """Likewise."""


def gpu(facts: Gpu, *, wanted: bool) -> Iterator[Finding]:
    """Say whether a GPU can be used, and what is out of the ordinary with it.

    Args:
        facts: what was found.
        wanted: whether the device asked for is this one.
    """
    what = f"{facts.name}, sm_{facts.capability[0]}{facts.capability[1]}"
    if facts.failure is not None:
        state = State.BROKEN if wanted else State.NOTE
        remedy = (
            "Free it if another process holds it; a torch built for it is found at "
            "pytorch.org/get-started. Until then: another --device, or cpu."
        )
        yield Finding(Area.DEVICES, facts.device, state, f"{what}: {facts.failure}", remedy)
        return
    memory = f"{facts.free / GIB:.1f} of {facts.total / GIB:.1f} GiB free"
    yield Finding(Area.DEVICES, facts.device, State.FINE, f"{what}; computes; {memory}")
    if "MIG" in facts.name.split():
        remedy = "Verify here as anywhere; compare times and memory with no whole GPU's."
        yield Finding(Area.DEVICES, f"{facts.device} MIG", State.NOTE, "a slice of a GPU", remedy)
    if facts.free < (1 - _MUCH_IN_USE) * facts.total:
        used = f"{(facts.total - facts.free) / GIB:.1f} GiB are in use by other programs"
        remedy = "nvidia-smi names them. Wait for them before time and memory."
        yield Finding(Area.DEVICES, f"{facts.device} memory", State.NOTE, used, remedy)


def nvml(device: str, reason: str | None) -> Finding:
    """Say whether NVML tells the state of a GPU.

    Args:
        device: "cuda:0".
        reason: why it does not; None: it does.
    """
    name = f"{device} NVML"
    if reason is None:
        return Finding(
            Area.DEVICES, name, State.FINE, "tells clocks, throttling and other processes"
        )
    remedy = (
        'pip install "hrnet-zoo[gpu]" and try nvidia-smi; records of time lack clocks till then.'
    )
    return Finding(Area.DEVICES, name, State.NOTE, reason, remedy)


def check(device: str) -> Iterator[Finding]:
    """Look at the device asked for and at all GPUs; without torch, which has its line, at none."""
    if import_failure("torch") is not None:
        return
    import torch

    from hrnet_zoo.system.devices import resolve_device
    from hrnet_zoo.system.progress import Silent

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    wanted = device
    if device in ("auto", "cuda"):
        wanted = "cuda:0" if count or device == "cuda" else "cpu"
    if wanted == "cpu":
        yield Finding(
            Area.DEVICES,
            f"--device {device}",
            State.FINE,
            "the CPU",
        )
    elif wanted not in [f"cuda:{index}" for index in range(count)]:
        found = "torch.cuda.is_available() says no"
        try:
            resolve_device(device, Silent())
        except PrerequisiteError as error:
            found = str(error)
        remedy = "Choose another --device; the lines on torch say what keeps it from GPUs."
        yield Finding(Area.DEVICES, f"--device {device}", State.BROKEN, found, remedy)
    for index in range(count):
        name = f"cuda:{index}"
        yield from guarded(Area.DEVICES, name, partial(_gpu_here, index, wanted=name == wanted))


def _gpu_here(index: int, *, wanted: bool) -> Iterator[Finding]:
    import torch

    from hrnet_zoo.system.devices import require_usable
    from hrnet_zoo.timing.machine_state import why_not_read

    device = torch.device("cuda", index)
    failure, free, total = None, 0, 0
    try:
        require_usable(device)
        free, total = torch.cuda.mem_get_info(device)
    except PrerequisiteError as error:
        failure = str(error)
    facts = Gpu(
        device=str(device),
        name=torch.cuda.get_device_name(device),
        capability=torch.cuda.get_device_capability(device),
        failure=failure,
        free=free,
        total=total,
    )
    yield from gpu(facts, wanted=wanted)
    yield nvml(str(device), why_not_read(device))
