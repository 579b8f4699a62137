"""How many bytes the operators of a network read and write."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_OVERWRITE = {"aten::copy_", "aten::fill_", "aten::zero_"}
"""In-place operators that do not look at what was there before."""
_ALLOCATE = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty"}
"""Operators whose results have no values yet."""


@torch.inference_mode()
def bytes_moved(work: Callable[[], object]) -> int:
    """Return the bytes that torch's operators read and write while ``work`` is done.

    Each operator reads each of its tensors once, weights included, and writes each of its results
    once, as if nothing stayed in a cache between two operators and nothing were read twice within
    one. In place, it reads and writes the same tensor; copying and filling only write their
    target. Views and metadata move nothing. A value that is broadcast over a dimension counts
    once. What an operator picks from or puts into counts as a whole, however little it picks or
    puts. An operator is what Python calls: softmax, say, is one. Workspaces and changes of layout
    inside it, and what numpy and OpenCV do, are not seen; nor is what compiled or exported networks
    and recorded CUDA graphs compute.
    """
    traffic = _Traffic()
    with traffic:
        work()
    return traffic.total


class _Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's
    """Adds up the bytes of every operator that is called while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's
        self.total = 0

    def __torch_dispatch__(
        self,
        func: OpOverload,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.total += _bytes_of(func, args, kwargs, result)
        return result


def _bytes_of(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any], result: object
) -> int:
    given, results = _tensors((args, kwargs)), _tensors(result)
    memories = {_memory(tensor) for tensor in given}
    new = [tensor for tensor in results if _memory(tensor) not in memories]
    changed, replaced = _written_in_place(func, args, kwargs)
    is_view = results and not (new or changed or replaced)
    if is_view or _name(func) in _ALLOCATE or torch.Tag.inplace_view in func.tags:
        return 0
    read = [tensor for tensor in given if not any(tensor is target for target in replaced)]
    return sum(map(_size, [*read, *changed, *replaced, *new]))


def _written_in_place(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the arguments that are changed, by the operator's schema, and those replaced."""
    changed, replaced = list[Tensor](), list[Tensor]()
    for i, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            tensors = _tensors(args[i] if i < len(args) else kwargs.get(argument.name))
            (replaced if argument.is_out or _name(func) in _OVERWRITE else changed).extend(tensors)
    return changed, replaced


def _name(func: OpOverload) -> str:
    return func._schema.name


def _tensors(values: object) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _size(tensor: Tensor) -> int:
    """Return the bytes of the values that lie in memory; a broadcast one is there once."""
    sides = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.itemsize * math.prod(side for side, stride in sides if stride)
