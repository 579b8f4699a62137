"""Chooses the device, and puts torch into the settings the documented numbers need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hrnet_zoo.errors import PrerequisiteError, UsageError


def resolve_device(name: str) -> torch.device:
    """Return the device called ``name``.

    Args:
        name: "cpu", "cuda", "cuda:N", or "auto" for a GPU where there is one, else the CPU.

    Raises:
        UsageError: the name has another form.
        PrerequisiteError: that GPU does not exist here.
    """
    if name == "auto":
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")
    kind, _, index = name.partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()) or name == "cpu:":
        msg = f'"{name}" is no device; use auto, cpu, cuda or cuda:N.'
        raise UsageError(msg)
    if kind == "cpu":
        return torch.device("cpu")
    wanted, present = int(index or 0), torch.cuda.device_count()
    if wanted >= present:
        there_is = f"there are {present} GPUs" if present else "torch sees no CUDA GPU here"
        msg = f'The device "{name}" was asked for, but {there_is}. Use --device cpu, or auto.'
        raise PrerequisiteError(msg)
    return torch.device("cuda", wanted)


def describe_device(device: torch.device) -> str:
    """Return a device as records name it: "cpu", or a GPU's number and model."""
    if device.type == "cpu":
        return "cpu"
    return f"{device} ({torch.cuda.get_device_name(device)})"


@contextmanager
def canonical_precision() -> Iterator[None]:
    """Compute in full float32 and with repeatable kernels, then restore the former settings.

    TF32 keeps 10 of 23 mantissa bits; the tables were made on GPUs that do not have it.
    """
    with numerics(tf32=False, benchmark=False, deterministic=True):
        yield


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
