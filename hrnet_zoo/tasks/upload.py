"""Brings images to a GPU while it still works on the one before.

GPUs read by themselves from pinned memory only. So a thread copies decoded images there, and from
there they travel on a stream of their own, while another image is computed. On a CPU nothing is
copied.

Copies are begun by another thread, while the evaluation waits for what it has to know. Loops that
are not measured (`predict`, worst images) send their images when they need them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import memory_explained

Item = TypeVar("Item")
Arrays = Sequence[NDArray[np.uint8]]
Receive = Callable[[], list[Tensor]]
"""Returns arrays that were sent as tensors; what the caller computes with them waits for them."""


def upload_ahead(
    items: Iterator[Item], arrays_of: Callable[[Item], Arrays], device: torch.device
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
        yield from sent_ahead(items, arrays_of, GpuLink(device).send)


def sent_ahead(
    items: Iterator[Item], arrays_of: Callable[[Item], Arrays], send: Callable[[Arrays], Receive]
) -> Iterator[tuple[Item, list[Tensor]]]:
    """Do what `upload_ahead` does on a GPU, whatever sends the arrays; it is called in a thread."""

    def send_next() -> tuple[Item, Receive] | None:
        item = next(items, None)
        return None if item is None else (item, send(arrays_of(item)))

    with ThreadPoolExecutor(1, thread_name_prefix="upload") as thread:
        coming = thread.submit(send_next)
        while (sent := coming.result()) is not None:
            coming = thread.submit(send_next)
            item, receive = sent
            yield item, receive()


class GpuLink:
    """Pinned memory, and a stream of its own to a GPU."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # torch's

    def send(self, arrays: Arrays) -> Receive:
        """Begin to copy arrays to the GPU."""
        pinned = [self._pinned(array) for array in arrays]
        with torch.cuda.stream(self._stream):
            # From here on torch's allocator of pinned memory knows that this stream reads from it.
            # It hands out a block again only when the stream is past the copy, so nothing here has
            # to keep the pinned tensors until then; and the next image of a similar size finds
            # memory that is pinned already.
            copies = [tensor.to(self._device, non_blocking=True) for tensor in pinned]
            arrived = self._stream.record_event()

        def receive() -> list[Tensor]:
            for tensor in copies:
                computing = torch.cuda.current_stream(tensor.device)
                computing.wait_event(arrived)
                # The copy belongs to the stream it came on, which would not wait for the
                # computation before it reuses the memory.
                tensor.record_stream(computing)
            return copies

        return receive

    def _pinned(self, array: NDArray[np.uint8]) -> Tensor:
        """Return a copy in pinned memory, whatever the strides of the array are."""
        try:
            tensor = torch.empty(array.shape, dtype=torch.uint8, pin_memory=True)
        except RuntimeError as error:
            msg = (
                f"{array.nbytes / 2**20:.0f} MiB of pinned memory, from which {self._device} reads "
                f"images, could not be had ({error}). Free main memory, or use --device cpu."
            )
            raise PrerequisiteError(msg) from None
        # In one step: tensor.pin_memory() takes a tensor, and arrays that are read-only or run
        # backwards cannot be one without another copy.
        np.copyto(tensor.numpy(), array)
        return tensor
