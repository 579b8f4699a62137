"""What may limit a variant, looked for once its latencies are taken.

What a network computes, and which bytes its operators read and write; how fast this machine
computes and copies; how busy a GPU was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.nn.functional import conv2d
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from hrnet_zoo.errors import ZooError
from hrnet_zoo.system.devices import is_out_of_memory, synchronised_time
from hrnet_zoo.system.numerics import numerics
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.timing.medians import median
from hrnet_zoo.timing.observations import Precision, Work
from hrnet_zoo.timing.sampling import Subject
from hrnet_zoo.timing.transfers import pinned_for
from hrnet_zoo.timing.variants import DTYPES, Recipe, in_one_line

_DIGITS = 4
_RUNS = 5
"""That are recorded to see how busy a GPU is."""

_SIDE = {"cpu": 1024, "cuda": 8192}
"""Of the matrices: large enough for full speed, small enough for a fraction of a second."""
_MAP, _CHANNELS = {"cpu": 64, "cuda": 512}, 256
"""Sides and channels of what is convolved, likewise."""
_COPIED = {"cpu": 2**27, "cuda": 2**30}
"""Bytes: with the copy more than nearly all caches hold, which would be faster than memory."""
_UPLOADED = 2**25
"""Bytes: about what an image of Cityscapes takes in float32."""
_SECONDS = 0.5

HostMemory = Literal["pinned", "pageable"]

_OVERWRITE = {"aten::copy_", "aten::fill_", "aten::zero_"}
"""In-place operators that do not look at what was there before."""
_ALLOCATE = {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty"}
"""Operators whose results have no values yet."""

Seen = TypeVar("Seen")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What one more look at a variant told; None is what could not be told."""

    bytes_moved: int | None = None
    """Read and written for a whole batch."""
    gpu_busy: float | None = None
    """Share of the time."""


def observe(
    recipe: Recipe,
    subject: Subject,
    seconds: Sequence[float],
    device: torch.device,
    progress: Progress,
) -> Observed:
    """Run a variant again, to count its bytes and to see how busy it keeps a GPU.

    Args:
        recipe: what makes the variant.
        subject: the variant.
        seconds: its latencies. Recording kernels slows their launches, so the time that they took
            is held against what a run took unrecorded.
        device: where it runs.
        progress: is told what could not be seen.
    """
    progress.begin(f"looking for what limits {recipe.name}", None, "")

    def count() -> int:
        with subject.settings():
            return bytes_moved(subject.run)

    failure = f"{recipe.name}: what limits it is not fully known"
    busy = _if_possible(lambda: gpu_busy_seconds(subject, device), failure, progress)
    # Each eager variant is counted by itself: folding BatchNorm takes a fourth of the bytes away,
    # so that those of the documented network would flatter the others.
    moved = _if_possible(count, failure, progress) if recipe.engine == "torch" else None
    share = None if busy is None else round(min(1.0, busy / median(seconds)), _DIGITS)
    return Observed(bytes_moved=moved, gpu_busy=share)


def measure_work(
    first_pass: Callable[[], object],
    precisions: Iterable[Precision],
    device: torch.device,
    progress: Progress,
) -> Work | None:
    """Count what the documented network computes, and measure what the machine can do at most."""
    progress.begin("measuring the ceilings", None, "")
    uploads: tuple[HostMemory, ...] = ("pinned", "pageable") if device.type == "cuda" else ()

    def measure() -> Work:
        return Work(
            multiply_adds=multiply_adds(first_pass),
            peak_gflops=round(peak_gflops(device), 3),
            other_gflops={
                precision: round(peak_gflops(device, precision), 3)
                for precision in dict.fromkeys(precisions)
                if precision != "fp32"
            },
            copy_gbs=round(copy_gbs(device), 3),
            **({f"{how}_upload_gbs": round(upload_gbs(device, how), 3) for how in uploads}),
        )

    return _if_possible(measure, "what the machine can do at most was not measured", progress)


def _if_possible(look: Callable[[], Seen | None], failure: str, progress: Progress) -> Seen | None:
    """Return what is seen, or None: the latencies are taken, and worth keeping without it."""
    try:
        return look()
    except (ZooError, RuntimeError, MemoryError) as error:
        reason = "no memory is left for it" if is_out_of_memory(error) else in_one_line(error)
        progress.say(f"{failure}: {reason}")
        return None


def gpu_busy_seconds(subject: Subject, device: torch.device) -> float | None:
    """Return for how many seconds of a subject's run kernels or copies were at work on the GPU.

    Recording them slows their launches, but not themselves. This was written without a GPU at hand,
    and never run on one by its authors.

    Returns:
        Seconds per run; None on a CPU, and where the driver lets nobody see what runs.
    """
    if device.type != "cuda":
        return None
    with subject.settings():
        # The first recording sets itself up meanwhile, and may miss what runs until then.
        for _ in range(2):
            with profile(activities=[ProfilerActivity.CUDA]) as recorded:
                for _ in range(_RUNS):
                    subject.run()
                torch.cuda.synchronize(device)
    # Times are in microseconds. Annotations span kernels and the gaps between them.
    intervals = [
        (event.time_range.start / 1e6, event.time_range.end / 1e6)
        for event in recorded.events() or ()
        if event.device_type.name == "CUDA" and not event.is_user_annotation
    ]
    return covered(intervals) / _RUNS if intervals else None


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Return the length of the union of intervals (begin, end), in any order and unit."""
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total


@torch.inference_mode()
def multiply_adds(work: Callable[[], object]) -> int:
    """Return the multiply-adds of convolutions and matrix products while ``work`` is done."""
    with FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops()) // 2


@torch.inference_mode()
def peak_gflops(device: torch.device, precision: Precision = "fp32") -> float:
    """Return the better rate of a large matrix product and a large convolution.

    They may be computed by different libraries: on AMD processors products of float32 matrices
    run at less than half the rate of convolutions.

    Returns:
        10^9 operations per second, two per multiply-add.
    """
    with numerics(tf32=precision == "tf32", benchmark=True, deterministic=False):
        return max(
            2 * operations / _shortest(work, device) / 1e9
            for work, operations in _large_work(device, DTYPES[precision])
        )


def _large_work(
    device: torch.device, dtype: torch.dtype
) -> Iterator[tuple[Callable[[], Tensor], int]]:
    """Yield what keeps a device busy, and its multiply-adds."""
    # Of equal numbers fewer bits change, which a GPU at its power cap would compute faster.
    generator = torch.Generator(device).manual_seed(0)

    def numbers(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, device=device).to(dtype)

    side = _SIDE[device.type]
    a = numbers(side, side)
    yield lambda: a @ a, side**3
    side, channels = _MAP[device.type], _CHANNELS
    x = numbers(1, channels, side, side).contiguous(memory_format=torch.channels_last)
    weight = numbers(channels, channels, 3, 3).contiguous(memory_format=torch.channels_last)
    yield lambda: conv2d(x, weight, padding=1), 9 * channels**2 * side**2


@torch.inference_mode()
def copy_gbs(device: torch.device) -> float:
    """Return the best rate of a large copy, in 10^9 bytes read or written per second."""
    source = torch.full((_COPIED[device.type] // 4,), 0.5, device=device)
    # Written once before, so that no page of it is first found during the copy.
    target = torch.zeros_like(source).fill_(0.25)
    return 2 * _COPIED[device.type] / _shortest(lambda: target.copy_(source), device) / 1e9


@torch.inference_mode()
def upload_gbs(device: torch.device, memory: HostMemory) -> float:
    """Return the best rate of a copy from the host to a device, in 10^9 bytes per second."""
    source = torch.full((_UPLOADED // 4,), 0.5)
    source = pinned_for(device, source) if memory == "pinned" else source
    target = torch.zeros_like(source, device=device)
    return _UPLOADED / _shortest(lambda: target.copy_(source, non_blocking=True), device) / 1e9


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Return the least of the seconds that a piece of work took, repeated for half a second."""
    best, begin = float("inf"), time.perf_counter()
    while best == float("inf") or time.perf_counter() - begin < _SECONDS:
        start = synchronised_time(device)
        work()
        best = min(best, synchronised_time(device) - start)
    return best


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
    schema = func._schema
    given, results = _tensors((args, kwargs)), _tensors(result)
    memories = {_memory(tensor) for tensor in given}
    new = [tensor for tensor in results if _memory(tensor) not in memories]
    # Arguments that the operator changes, by its schema, and those of which it replaces all.
    changed, replaced = list[Tensor](), list[Tensor]()
    for i, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            tensors = _tensors(args[i] if i < len(args) else kwargs.get(argument.name))
            (replaced if argument.is_out or schema.name in _OVERWRITE else changed).extend(tensors)
    is_view = results and not (new or changed or replaced)
    if is_view or schema.name in _ALLOCATE or torch.Tag.inplace_view in func.tags:
        return 0
    read = [tensor for tensor in given if not any(tensor is target for target in replaced)]
    return sum(map(_size, [*read, *changed, *replaced, *new]))


def _tensors(values: object) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _size(tensor: Tensor) -> int:
    """Return the bytes of the values that lie in memory; a broadcast one is there once."""
    sides = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.itemsize * math.prod(side for side, stride in sides if stride)
