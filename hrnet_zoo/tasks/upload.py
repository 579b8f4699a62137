"""Brings images to a GPU while it still works on the one before.

GPUs read by themselves from pinned memory only. So a thread copies decoded images there, and from
there they travel on a stream of their own, while another image is computed. There are two such
buffers in turns; each grows to its largest image. On a CPU nothing is copied.

The evaluation waits for the device after each of its stages, to time it. That does not prevent the
overlap: copies are begun by another thread, while the evaluation waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import memory_explained

Item = TypeVar("Item")


class Transfer(Protocol):
    """A copy that is on its way to a device."""

    def wait_until_read(self) -> None:
        """Return once the buffer may be written again."""

    def receive(self) -> Tensor:
        """Return the copy [B] uint8; what the caller computes with it waits for it."""


class Link(Protocol):
    """The way to a device."""

    def allocate(self, num_bytes: int) -> Tensor:
        """Return a buffer [num_bytes] uint8 on the host that `send` can send."""

    def send(self, content: Tensor) -> Transfer:
        """Begin to copy a part of a buffer."""


def upload_ahead(
    items: Iterator[Item],
    arrays_of: Callable[[Item], Sequence[NDArray[np.uint8]]],
    device: torch.device,
) -> Iterator[tuple[Item, Sequence[Pixels]]]:
    """Yield every item in turn, together with its arrays where the network needs them.

    Args:
        items: one is taken ahead of time. What it raises is raised here, in its turn.
        arrays_of: the arrays of an item, in any number and of any shapes.
        device: a GPU, where the arrays become tensors, or the CPU, where they stay as they are.

    Raises:
        PrerequisiteError: memory does not suffice, on the GPU or pinned.
    """
    if device.type != "cuda":
        for item in items:
            yield item, arrays_of(item)
        return
    explanation = (
        f"{device} ran out of memory when the next image was copied to it. Free memory on it or "
        "choose another --device; nothing was made smaller to fit."
    )
    with memory_explained(lambda: explanation):
        yield from sent_ahead(items, arrays_of, CudaLink(device))


def sent_ahead(
    items: Iterator[Item],
    arrays_of: Callable[[Item], Sequence[NDArray[np.uint8]]],
    link: Link,
) -> Iterator[tuple[Item, list[Tensor]]]:
    """Do what `upload_ahead` does on a GPU, over any link."""
    buffers = DoubleBuffer(link)

    def send_next() -> tuple[Item, Sent] | None:
        item = next(items, None)
        return None if item is None else (item, buffers.send(arrays_of(item)))

    with ThreadPoolExecutor(1, thread_name_prefix="upload") as thread:
        coming = thread.submit(send_next)
        while (arrived := coming.result()) is not None:
            coming = thread.submit(send_next)
            item, sent = arrived
            yield item, sent.receive()


@dataclass(kw_only=True)
class _Slot:
    buffer: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.uint8))
    transfer: Transfer | None = None


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Arrays on their way."""

    transfer: Transfer
    shapes: list[tuple[int, ...]]

    def receive(self) -> list[Tensor]:
        """Return the arrays as tensors on the device."""
        sizes = [math.prod(shape) for shape in self.shapes]
        parts = torch.split(self.transfer.receive(), sizes)
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]


class DoubleBuffer:
    """Two buffers in turns: one is filled while the other is read."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._slots = cycle((_Slot(), _Slot()))

    def send(self, arrays: Sequence[NDArray[np.uint8]]) -> Sent:
        """Copy arrays into the buffer whose turn it is, and begin to send it."""
        slot = next(self._slots)
        if slot.transfer is not None:
            slot.transfer.wait_until_read()
        size = sum(array.size for array in arrays)
        if len(slot.buffer) < size:
            slot.buffer = self._link.allocate(size)
        content = slot.buffer[:size]
        parts = torch.split(content, [array.size for array in arrays])
        for part, array in zip(parts, arrays, strict=True):
            np.copyto(part.numpy().reshape(array.shape), array)
        slot.transfer = self._link.send(content)
        return Sent(transfer=slot.transfer, shapes=[array.shape for array in arrays])


class CudaLink:
    """Pinned memory, and a stream of its own to a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # torch's

    def allocate(self, num_bytes: int) -> Tensor:
        """Return pinned memory; see `Link`."""
        try:
            return torch.empty(num_bytes, dtype=torch.uint8, pin_memory=True)
        except RuntimeError as error:
            msg = (
                f"{num_bytes / 2**20:.0f} MiB of pinned memory, from which {self._device} reads "
                f"images, could not be had ({error}). Free main memory, or use --device cpu."
            )
            raise PrerequisiteError(msg) from None

    def send(self, content: Tensor) -> Transfer:
        """Begin to copy; see `Link`."""
        with torch.cuda.stream(self._stream):
            copy = content.to(self._device, non_blocking=True)
        return _CudaTransfer(copy=copy, arrived=self._stream.record_event())


@dataclass(frozen=True, kw_only=True)
class _CudaTransfer:
    copy: Tensor
    arrived: torch.cuda.Event

    def wait_until_read(self) -> None:
        self.arrived.synchronize()

    def receive(self) -> Tensor:
        computing = torch.cuda.current_stream(self.copy.device)
        computing.wait_event(self.arrived)
        # The copy belongs to the stream it came on, which would not wait for the computation
        # before it reuses the memory.
        self.copy.record_stream(computing)
        return self.copy
