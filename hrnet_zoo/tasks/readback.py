"""Brings results back from a GPU while it goes on with the next image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor


def sent_back(result: Tensor) -> Callable[[], Tensor]:
    """Begin to copy a result to the host.

    Asked for later, a copy would wait for all that the device has been told to do since.

    Args:
        result: on any device; on the CPU it is there already.

    Returns:
        What waits for the copy and returns it; it can be called in any thread.
    """
    if result.device.type != "cuda":
        return lambda: result
    copy = torch.empty(result.shape, dtype=result.dtype, pin_memory=True)
    copy.copy_(result, non_blocking=True)
    arrived = torch.cuda.current_stream(result.device).record_event()

    def receive() -> Tensor:
        arrived.synchronize()
        return copy

    return receive


class Aside:
    """A stream of its own, on which another thread computes while the device goes on."""

    def __init__(self, device: torch.device) -> None:
        """Take a stream. Torch has 32: taken anew each time, it would soon be another's."""
        self._device = device
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call] # torch's

    def after_this(self) -> Callable[[], AbstractContextManager[None]]:
        """Let what follows in a thread wait for what the device was told so far, and no more.

        Returns:
            What is entered there. All that is computed within has to be on the host when it is
            left.
        """
        stream = self._stream
        if stream is None:
            return nullcontext
        told = torch.cuda.current_stream(self._device).record_event()

        @contextmanager
        def entered() -> Iterator[None]:
            stream.wait_event(told)
            with torch.cuda.stream(stream):
                yield

        return entered
