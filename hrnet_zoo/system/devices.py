"""Chooses the device, and says in plain words why one cannot be used or ran out of memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.nn.functional import conv2d

from hrnet_zoo.errors import PrerequisiteError, UsageError, ZooError
from hrnet_zoo.system.progress import Progress

_NO_MEMORY = (
    "out of memory",
    "allocate memory",
    "Insufficient memory",
    "bad_alloc",
    "STATUS_ALLOC_FAILED",
    "DEVICE_ALLOCATION_FAILED",
    "Unable to find a valid cuDNN algorithm",
)
"""What CUDA, torch on CPUs, OpenCV, other engines, cuBLAS and cuDNN say when there is none.

The last one means that the workspace of no algorithm fits.
"""
_PERHAPS_NO_MEMORY = ("unable to find an engine", "STATUS_NOT_INITIALIZED")
"""What cuDNN and cuBLAS say then, but also of what a GPU cannot do: bfloat16 on Turing, say."""
_GPU_FAILED = ("CUDA error", "CUDA driver error", "NVML", "cuDNN error", "CUBLAS_STATUS")
"""What is said by and about a GPU that does not go on."""
_HARDLY_ANY = 2**28
"""Bytes: less than what a library takes for itself, with a workspace, when it is first used."""


def resolve_devices(name: str, progress: Progress) -> list[torch.device]:
    """Return the devices that a name like "cuda:0,2", "cuda:all" or "cpu:0,1" stands for.

    Several of a CPU stand for as many processes on it. Of several GPUs each is tried by the process
    that uses it, which leaves the memory of the others alone.

    Args:
        name: or what `resolve_device` takes.
        progress: as there.

    Raises:
        UsageError: the name has another form, or has a device twice.
        PrerequisiteError: a GPU does not exist here, or the only one cannot be used.
    """
    kind, _, listed = name.partition(":")
    present = torch.cuda.device_count()
    if name == "cuda:all" and present != 1:
        listed = ",".join(map(str, range(present))) or "0"
    if "," not in listed:
        return [resolve_device("cuda:0" if name == "cuda:all" else name, progress)]
    numbers = listed.split(",")
    if kind not in ("cpu", "cuda") or not all(number.isdecimal() for number in numbers):
        msg = f'"{name}" is not a list of devices; use cuda:all, or numbers as in cuda:0,1.'
        raise UsageError(msg)
    wanted = [int(number) for number in numbers]
    if len(set(wanted)) < len(wanted):
        msg = f'"{name}" names a device twice; each looks at images of its own.'
        raise UsageError(msg)
    missing = [number for number in wanted if kind == "cuda" and number >= present]
    if missing:
        msg = (
            f'"{name}" was asked for, but {_there_are(present)}: no cuda:{missing[0]}. Leave it '
            "out, or use cuda:all."
        )
        raise PrerequisiteError(msg)
    return [torch.device(kind, number) for number in wanted]


def resolve_device(name: str, progress: Progress) -> torch.device:
    """Return the device called ``name``.

    Args:
        name: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one, else the CPU.
        progress: told why "auto" is the CPU although there is a GPU.

    Raises:
        UsageError: the name has another form.
        PrerequisiteError: that GPU does not exist here, or cannot be used.
    """
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
        if name == "cpu" and (trouble := cuda_trouble()) is not None:
            progress.say(f"computing on the CPU, because torch cannot use the GPU: {trouble}")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()) or name == "cpu:":
        msg = f'"{name}" is not a device; use auto, cpu, cuda or cuda:N.'
        raise UsageError(msg)
    if kind == "cpu":
        return torch.device("cpu")
    wanted, present = int(index or 0), torch.cuda.device_count()
    if wanted >= present:
        there = _there_are(present)
        msg = f'The device "{name}" was asked for, but {there}. Use --device cpu, or auto.'
        raise PrerequisiteError(msg)
    device = torch.device("cuda", wanted)
    require_usable(device)
    return device


def _there_are(gpus: int) -> str:
    if gpus == 0:
        return "torch sees no CUDA GPU here"
    return "there is 1 GPU" if gpus == 1 else f"there are {gpus} GPUs"


def cuda_trouble() -> str | None:
    """Return why torch can use none of the GPUs that are there; None if it can, or there is none.

    The driver counts its GPUs also where it is too old for this torch.
    """
    if torch.cuda.is_available() or not torch.cuda.device_count():
        return None
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call] # torch's
    except (RuntimeError, AssertionError) as error:
        return first_line(error)
    return "torch does not say why"


def require_usable(device: torch.device) -> None:
    """Let a device compute something: what is wrong with it shows only then.

    A GPU that is busy, or too new for its driver, allocates nothing; for one that is older or newer
    than all that this torch was built for there is no kernel.

    Raises:
        PrerequisiteError: it does not compute, or not what it should.
    """
    try:
        ones = torch.empty((1, 1, 3, 3), device=device).fill_(1.0)
        found = conv2d(ones, ones).item()
        reason = None if found == 9 else f"a sum of nine ones gives {found:g} there"
    except RuntimeError as error:
        reason = first_line(error)
    if reason is not None:
        msg = (
            f"The device {device} cannot be used: {reason}. {_what_it_is(device)}Another process "
            "may hold it, or this torch was not built for it or its driver. Free it, install a "
            "torch that fits, or use --device cpu."
        )
        raise PrerequisiteError(msg)


def _what_it_is(device: torch.device) -> str:
    """Return a sentence on a GPU and on what this torch was built for, as far as torch tells."""
    try:
        major, minor = torch.cuda.get_device_capability(device)
        built_for = ", ".join(torch.cuda.get_arch_list())
        name = torch.cuda.get_device_name(device)
    except (RuntimeError, AssertionError):
        return ""
    return f"It is a {name} of capability sm_{major}{minor}; this torch is for {built_for}. "


def first_line(error: Exception) -> str:
    """Return the first line of what an error says; torch adds advice below it."""
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that memory ran out, on a device or on the host.

    It has many forms: most libraries raise a `RuntimeError` that only its text tells from others.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, ZooError):
        return False
    text = str(error)
    if any(words in text for words in _PERHAPS_NO_MEMORY):
        return _is_gpu_full()
    return any(words in text for words in _NO_MEMORY)


def _is_gpu_full() -> bool:
    """Whether a GPU that this process uses is full; asking others would take memory of them."""
    try:
        gpus = range(torch.cuda.device_count())
        used = [gpu for gpu in gpus if torch.cuda.memory_reserved(gpu)]
        asked = used or [torch.cuda.current_device()]
        return any(torch.cuda.mem_get_info(gpu)[0] < _HARDLY_ANY for gpu in asked)
    except (RuntimeError, AssertionError):  # the GPU says nothing any more
        return False


@contextmanager
def memory_explained(explain: Callable[[], str]) -> Iterator[None]:
    """Turn running out of memory, in all its forms, into an error that says what was too large.

    Args:
        explain: returns the message; called when it is needed.

    Raises:
        PrerequisiteError: memory ran out.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise PrerequisiteError(explain()) from None


@contextmanager
def failure_explained(device: torch.device) -> Iterator[None]:
    """Turn what torch raises when a GPU fails, or is gone, into an error that says what to do.

    Raises:
        PrerequisiteError: the GPU failed.
    """
    try:
        yield
    except RuntimeError as error:
        if device.type != "cuda" or not any(words in str(error) for words in _GPU_FAILED):
            raise
        msg = (
            f"{device} failed: {first_line(error)}. What was done is kept. See what nvidia-smi and "
            "the system's log say of it; a GPU that fell off the bus or was reset needs a new "
            "process, sometimes a restart of the machine."
        )
        raise PrerequisiteError(msg) from None


def one_of_each_kind(devices: Sequence[torch.device]) -> list[torch.device]:
    """Return the first of each model among some devices; all CPUs are one."""
    kinds: dict[str, torch.device] = {}
    for device in devices:
        is_cpu = device.type == "cpu"
        name = "cpu" if is_cpu else torch.cuda.get_device_name(device)
        kinds.setdefault(name, torch.device("cpu") if is_cpu else device)
    return list(kinds.values())


def synchronised_time(device: torch.device) -> float:
    """Return the clock once the device has done its work; GPUs work asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def describe_device(device: torch.device) -> str:
    """Return a device as records name it: "cpu", or a GPU's number and model."""
    if device.type == "cpu":
        return "cpu"
    return f"{device} ({torch.cuda.get_device_name(device)})"
