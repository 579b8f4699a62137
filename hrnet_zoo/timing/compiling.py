"""Functions compiled by torch: as a whole, for every shape, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")

_MOST_SHAPES = 64
"""Of one network in all precisions of a row; torch's own limit is 8."""


def compiled(compute: Callable[[Tensor], Result]) -> Callable[[Tensor], Result]:
    """Return a function that is compiled for every shape of input, when it first occurs.

    Returns:
        Raises a `RuntimeError` where it cannot be compiled as a whole, or for more shapes than
        `strict_compiler` allows. By itself torch would go on eagerly, under the compiler's name.
    """
    # Slow to import, and only this needs it.
    from torch._dynamo.exc import FailOnRecompileLimitHit  # noqa: PLC0415

    fast = torch.compile(compute, dynamic=False, fullgraph=True)

    def run(x: Tensor) -> Result:
        try:
            return fast(x)
        except FailOnRecompileLimitHit as error:  # no RuntimeError by itself
            msg = (
                f"torch.compile would not compile for another shape of input after {_MOST_SHAPES} "
                "compilations: pass fewer images"
            )
            raise RuntimeError(msg) from error

    return run


@contextmanager
def strict_compiler() -> Iterator[None]:
    """Let the compiler work for many shapes, and fail where it would go on eagerly.

    Source:
        PyTorch 2.8 to 2.14, torch/_dynamo/config.py: compilations are counted per code object,
        which all networks of a class share; at the limit eager code runs.
    """
    from torch._dynamo import config  # noqa: PLC0415 - as above

    with config.patch(
        recompile_limit=_MOST_SHAPES,
        accumulated_recompile_limit=_MOST_SHAPES,
        fail_on_recompile_limit_hit=True,
    ):
        yield


def forget_compiled() -> None:
    """Forget all that was compiled, which would count for the networks of the next row."""
    torch.compiler.reset()
