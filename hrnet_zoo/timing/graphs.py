"""A GPU's work recorded once and replayed as a whole, so that its kernels wait for no Python.

Written on machines without a GPU: `CudaGraph` follows torch's own recipe, but has never been run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

Result = TypeVar("Result")

_WARM_UP_CALLS = 3


class CudaGraph(Generic[Result]):
    """A function of one tensor of fixed shape and layout, recorded as a CUDA graph.

    The function may only launch kernels on the GPU that its input is on: nothing is read back, and
    no shape depends on values. How it computes (TF32, cudnn.benchmark) is settled while it is
    recorded. Made and called in inference mode.

    Source:
        PyTorch 2.8, notes on CUDA semantics, whole-network capture: warm-up on a side stream, then
        recording, then copies into an input that stays where it is, and replays.
    """

    def __init__(
        self, function: Callable[[Tensor], Result], example: Tensor, device: torch.device
    ) -> None:
        """Record a function.

        Args:
            function: whose results stay where they are, too.
            example: an input, on any device.
            device: the GPU.
        """
        with torch.cuda.device(device):
            self._input = example.to(device, copy=True)
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                # cuDNN tries its kernels and libraries allocate now; neither can while recording.
                for _ in range(_WARM_UP_CALLS):
                    function(self._input)
            torch.cuda.current_stream().wait_stream(stream)
            self._graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self._graph, stream=stream):
                self._output = function(self._input)

    def __call__(self, x: Tensor) -> Result:
        """Return the function's result for another input, which the next call writes over.

        Args:
            x: of the example's shape, on any device.
        """
        self._input.copy_(x, non_blocking=True)
        self._graph.replay()
        return self._output


class PerShape(Generic[Result]):
    """A function that is made ready for every shape of input, when it first occurs."""

    def __init__(self, make: Callable[[Tensor], Callable[[Tensor], Result]]) -> None:
        """Keep what makes a function ready for inputs like an example."""
        self._make = make
        self._ready: dict[tuple[int, ...], Callable[[Tensor], Result]] = {}

    def __call__(self, x: Tensor) -> Result:
        """Return the function's result."""
        shape = tuple(x.shape)
        if shape not in self._ready:
            self._ready[shape] = self._make(x)
        return self._ready[shape](x)
