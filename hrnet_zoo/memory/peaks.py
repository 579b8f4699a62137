"""How much memory a piece of work takes at most: counted under fake tensors, or read off a GPU.

Under fake tensors every operation gives tensors of the right size without any values. What PyTorch
would allocate can then be added up on any machine, in seconds and in hardly any memory. Sizes do
not depend on the device, so fake tensors can be on the CPU, which needs no CUDA build. What only a
real GPU allocates is missing: convolution workspaces and the allocator's slack. On a GPU tensors
are counted in the same way beside what its allocator says, which tells how much those take.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hrnet_zoo.system.devices import memory_explained
from hrnet_zoo.system.numerics import numerics
from hrnet_zoo.system.wording import GIB

Prepare = Callable[[], Callable[[], object]]
"""Makes everything that some work keeps, and returns the work; only the work's peak counts."""

_BLOCK = 512
"""CUDA's caching allocator hands out multiples of this many bytes, and counts them so."""


@dataclass(frozen=True, kw_only=True)
class MeasuredPeak:
    """The most memory a GPU held for this process during a piece of work."""

    allocated: int
    """Bytes handed out, to tensors and to libraries as workspaces; what the tables document."""
    tensors: int
    """Bytes in tensors alone, counted in a second run."""
    reserved: int
    """Bytes taken from the GPU to hold them, gaps included."""


class AllocationTracker(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's
    """Counts the bytes of all storages that are made while it is active, until they are freed.

    Tensors that share a storage (views, results of in-place operations) count once.
    """

    def __init__(self, kind: str = "cpu") -> None:
        """Count nothing yet.

        Args:
            kind: of device; what other devices hold does not count.
        """
        super().__init__()  # type: ignore[no-untyped-call] # torch's
        self._kind = kind
        self.allocated = 0
        """Bytes at this moment."""
        self.peak = 0
        """The most there ever were."""
        self._live: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Run one operation and count what it made."""
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.device.type == self._kind:
                self._see(leaf.untyped_storage())
        return result

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = id(storage)
        if key in self._live:
            return
        size = rounded_size(storage.nbytes())
        self._live[key] = weakref.ref(storage, partial(self._free, key, size))
        self.allocated += size
        self.peak = max(self.peak, self.allocated)

    def _free(self, key: int, size: int, _storage: object) -> None:
        del self._live[key]
        self.allocated -= size


def rounded_size(num_bytes: int) -> int:
    """Return the bytes that CUDA's allocator counts for a tensor of ``num_bytes``."""
    return -(-num_bytes // _BLOCK) * _BLOCK


def predicted_peak(prepare: Prepare) -> int:
    """Return the most bytes that work would hold at once; nothing is computed.

    Args:
        prepare: the work never looks at the values of a tensor.
    """
    with FakeTensorMode():
        return peak_of_tensors(prepare)


def peak_of_tensors(prepare: Prepare, kind: str = "cpu") -> int:
    """Return the most bytes that tensors hold at once while work is done; see `AllocationTracker`.

    Args:
        prepare: makes the work.
        kind: of device, where tensors count.
    """
    tracker = AllocationTracker(kind)
    with tracker:
        work = prepare()
        tracker.peak = tracker.allocated
        work()
    return tracker.peak


def measured_peak(prepare: Prepare, device: torch.device, what: str) -> MeasuredPeak:
    """Do work on a GPU and return the most it held.

    Args:
        prepare: makes everything on ``device``.
        device: the GPU; nothing else of this process should be on it.
        what: names the work, for the message.

    Raises:
        PrerequisiteError: the GPU's memory is too small, or others hold it.
    """
    torch.cuda.init()  # type: ignore[no-untyped-call] # torch's; else nothing could be reset yet
    # Kernels are chosen as the documented trainings chose theirs: untuned, in full float32.
    as_documented = numerics(tf32=False, benchmark=False, deterministic=False)
    with as_documented, memory_explained(lambda: _does_not_fit(what, device)):
        allocated, reserved = _read_off(prepare, device)
        # Apart, so that what is read off is of a run that nobody looks into.
        _let_go(device)
        tensors = peak_of_tensors(prepare, device.type)
    return MeasuredPeak(allocated=allocated, tensors=tensors, reserved=reserved)


def _read_off(prepare: Prepare, device: torch.device) -> tuple[int, int]:
    """Return the most bytes that a GPU's allocator handed out, and took for that, during work."""
    _let_go(device)
    work = prepare()
    torch.cuda.reset_peak_memory_stats(device)
    work()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device)


def _let_go(device: torch.device) -> None:
    """Free what earlier work held: it is neither this work's peak nor part of its message."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)


def _does_not_fit(what: str, device: torch.device) -> str:
    free, total = (f"{size / GIB:.1f} GiB" for size in torch.cuda.mem_get_info(device))
    held = torch.cuda.max_memory_allocated(device) / GIB
    return (
        f"{what} does not fit into the memory of {device}: it held {held:.1f} GiB when it asked "
        f"for more; the GPU has {total}, and {free} of it were left. Batch and size are "
        "documented, so they are not made smaller. Take another GPU, or see the prediction."
    )
