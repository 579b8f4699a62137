"""Chooses the device, and puts torch into the settings the documented numbers need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

from hrnet_zoo.errors import PrerequisiteError, UsageError, ZooError

_NO_MEMORY = (
    "out of memory",
    "allocate memory",
    "Insufficient memory",
    "bad_alloc",
    "STATUS_ALLOC_FAILED",
    "Unable to find a valid cuDNN algorithm",
)
"""What CUDA, torch on CPUs, OpenCV, other engines, cuBLAS and cuDNN say when there is none.

The last one means that the workspace of no algorithm fits.
"""


def resolve_device(name: str) -> torch.device:
    """Return the device called ``name``.

    Args:
        name: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one, else the CPU.

    Raises:
        UsageError: the name has another form.
        PrerequisiteError: that GPU does not exist here, or cannot be used.
    """
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()) or name == "cpu:":
        msg = f'"{name}" is not a device; use auto, cpu, cuda or cuda:N.'
        raise UsageError(msg)
    if kind == "cpu":
        return torch.device("cpu")
    wanted, present = int(index or 0), torch.cuda.device_count()
    if wanted >= present:
        there_is = f"there are {present} GPUs" if present else "torch sees no CUDA GPU here"
        msg = f'The device "{name}" was asked for, but {there_is}. Use --device cpu, or auto.'
        raise PrerequisiteError(msg)
    device = torch.device("cuda", wanted)
    _require_usable(device)
    return device


def _require_usable(device: torch.device) -> None:
    """Allocate one number: a GPU that is busy, or too new for its driver, says so only then."""
    try:
        torch.empty(1, device=device)
    except RuntimeError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        msg = (
            f"The device {device} cannot be used: {reason}. Another process may hold it, or its "
            "driver is too old for this torch. Free it, or use --device cpu."
        )
        raise PrerequisiteError(msg) from None


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error means that memory ran out, on a device or on the host.

    It has many forms: most libraries raise a `RuntimeError` that only its text tells from others.
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return not isinstance(error, ZooError) and any(words in str(error) for words in _NO_MEMORY)


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


def canonical_precision() -> AbstractContextManager[None]:
    """Compute in full float32 and with repeatable kernels, then restore the former settings.

    TF32 keeps 10 of 23 mantissa bits; the tables were made on GPUs that do not have it.
    """
    return numerics(tf32=False, benchmark=False, deterministic=True)


@contextmanager
def numerics(*, tf32: bool, benchmark: bool, deterministic: bool) -> Iterator[None]:
    """Set how GPUs compute, then restore the former settings.

    Args:
        tf32: whether float32 products may be rounded to TF32.
        benchmark: whether cuDNN tries all its kernels on a new input size and keeps the fastest.
        deterministic: whether only kernels are taken that give the same result every time.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    try:
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=benchmark, deterministic=deterministic, allow_tf32=tf32
        ):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
