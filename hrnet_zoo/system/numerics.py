"""Puts torch into the settings that the documented numbers need, and back into its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import torch
from torch.backends import cudnn

Value = TypeVar("Value")


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
    precision = _Precision.in_force()
    before = cudnn.enabled, cudnn.benchmark, cudnn.deterministic
    try:
        _Precision.of(tf32=tf32).put_in_force()
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic = True, benchmark, deterministic
        yield
    finally:
        cudnn.enabled, cudnn.benchmark, cudnn.deterministic = before
        precision.put_in_force()


def allows_tf32() -> bool:
    """Whether products of float32 numbers may be rounded to TF32 as torch is set now."""
    now = _Precision.in_force()
    return "tf32" in now.parts or now.matmul != "highest" or now.cudnn


def _parts() -> list[Any]:
    """Return what computes in a precision of its own; torch before 2.9 has no such interface."""
    parts = [torch.backends.cuda.matmul, getattr(cudnn, "conv", None), getattr(cudnn, "rnn", None)]
    return parts if all(hasattr(part, "fp32_precision") for part in parts) else []


@dataclass(frozen=True, kw_only=True)
class _Precision:
    """Both of torch's interfaces to the precision of float32 products.

    Kernels heed the newer one. The older one is kept in step, because torch's own code asks it
    (compiling, say), and it raises where the two disagree. `cudnn.flags`, which is torch's own way
    to set and restore, raises as well then, or leaves convolutions in TF32.

    Source:
        PyTorch 2.14, aten/src/ATen/Context.cpp, Context::allowTF32CuBLAS and allowTF32CuDNN.
    """

    parts: tuple[str, ...]
    """Of products, convolutions and recurrent layers: "ieee", "tf32" or "none" (as a whole)."""
    matmul: str
    """The older interface: "highest", "high" or "medium"."""
    cudnn: bool
    """The older interface: whether cuDNN may use TF32."""

    @classmethod
    def of(cls, *, tf32: bool) -> Self:
        part = "tf32" if tf32 else "ieee"
        matmul = "high" if tf32 else "highest"
        return cls(parts=tuple(part for _ in _parts()), matmul=matmul, cudnn=tf32)

    @classmethod
    def in_force(cls) -> Self:
        """Return what is set, whichever interface set it."""
        parts = _parts()
        values = tuple(str(part.fp32_precision) for part in parts)
        try:
            # The older interface either agrees that all is TF32, or raises because it says not.
            for part in parts:
                part.fp32_precision = "tf32"
            matmul = _unless_raised(torch.get_float32_matmul_precision, instead="highest")
            allowed = _unless_raised(lambda: bool(cudnn.allow_tf32), instead=False)
        finally:
            for part, value in zip(parts, values, strict=True):
                part.fp32_precision = value
        return cls(parts=values, matmul=matmul, cudnn=allowed)

    def put_in_force(self) -> None:
        with warnings.catch_warnings():
            # Torch 2.9 and 2.10 advise against the older interface.
            warnings.simplefilter("ignore")
            torch.set_float32_matmul_precision(self.matmul)
            cudnn.allow_tf32 = self.cudnn
        # After the older ones, which set them, too.
        for part, value in zip(_parts(), self.parts, strict=True):
            part.fp32_precision = value


def _unless_raised(ask: Callable[[], Value], *, instead: Value) -> Value:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        try:
            return ask()
        except RuntimeError:
            return instead
