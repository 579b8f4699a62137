"""A GPU's work recorded once and replayed as a whole, so that its kernels wait for no Python.

Written on machines without a GPU: `CudaGraph` follows torch's own recipe, but has never been run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.system.devices import first_line

Result = TypeVar("Result")

_WARM_UP_CALLS = 3

_JUST_CALLED = 4
"""Times that a shape is computed before it is worth recording."""

_KEPT_OF_A_DATA_SET = 16
"""Shapes: those of an image in all sizes, and mirrored, or the first frequent ones of photos."""

KEPT_SHAPES = 4
"""A data set has more shapes than memory could hold graphs or engines for; neighbours in it, and
the images of one run of `time`, have few."""


class CudaGraph(Generic[Result]):
    """A function of one tensor of fixed shape and layout, recorded as a CUDA graph.

    The function may only launch kernels on the GPU that its input is on: nothing is read back, and
    no shape depends on values. How it computes (TF32, cudnn.benchmark) is settled while it is
    recorded. Made and called in inference mode.

    A recording that fails leaves torch on the stream it recorded on, so the former one is put back
    here. A process of its own would guard against more: torch's allocator gives no cached memory
    back from then on, and what breaks the CUDA context breaks it for all. But variants that are
    timed in turns would then wait for each other's processes, which a GPU runs one at a time.

    Source:
        PyTorch 2.8, notes on CUDA semantics, whole-network capture: warm-up on a side stream, then
        recording, then copies into an input that stays where it is, and replays.
        aten/src/ATen/cuda/CUDAGraph.cpp, CUDAGraph::capture_end: raises before anything is undone.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Result],
        example: Tensor,
        device: torch.device,
        beside: CudaGraph[Result] | None = None,
    ) -> None:
        """Record a function.

        Args:
            function: whose results, any nest of tensors, stay where they are, too.
            example: an input, on any device.
            device: the GPU.
            beside: a graph that is still there, to compute in its memory. Replaying either then
                writes over the results of the other.

        Raises:
            RuntimeError: it cannot be recorded. The process can go on without it.
        """
        with torch.cuda.device(device), _same_stream_afterwards():
            self._input = example.to(device, copy=True)
            # Torch's allocator gives memory only to the stream that it was first used on.
            self._stream: torch.cuda.Stream = (
                beside._stream if beside else torch.cuda.Stream()  # type: ignore[no-untyped-call]
            )
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                # cuDNN tries its kernels and libraries allocate now; neither can while recording.
                for _ in range(_WARM_UP_CALLS):
                    function(self._input)
            torch.cuda.current_stream().wait_stream(self._stream)
            self._graph = torch.cuda.CUDAGraph()
            self._output = self._recorded(function, beside and beside._graph.pool())

    def _recorded(
        self,
        function: Callable[[Tensor], Result],
        pool: Any,  # noqa: ANN401 - torch's handle
    ) -> Result:
        first: Exception | None = None
        try:
            # Of this thread alone: others may pin memory and send the next image meanwhile.
            with torch.cuda.graph(
                self._graph, pool=pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                try:
                    return function(self._input)
                except Exception as error:
                    first = error
                    raise
        except RuntimeError as error:
            # Ending a failed recording fails itself, and tells nothing of why the recording did.
            raise first or error from None

    def __call__(self, x: Tensor) -> Result:
        """Return the function's result for another input, which the next call writes over.

        Args:
            x: of the example's shape, on any device.
        """
        self._input.copy_(x, non_blocking=True)
        self._graph.replay()
        return self._output


@contextmanager
def _same_stream_afterwards() -> Iterator[None]:
    """Go back to the stream that is the current one, and wait for the GPU, whatever happens."""
    before = torch.cuda.current_stream()
    try:
        yield
    finally:
        torch.cuda.set_stream(before)
        torch.cuda.synchronize()


class PerShape(Generic[Result]):
    """A function that is made ready for every shape of input, when it first occurs."""

    def __init__(
        self, make: Callable[..., Callable[[Tensor], Result]], keep: int = KEPT_SHAPES
    ) -> None:
        """Keep what makes a function ready.

        Args:
            make: called with an example and whatever else the function depends on.
            keep: of how many shapes, at least one; the one not used for longest is dropped.
        """
        self._make, self._keep = make, keep
        self._ready: dict[tuple[Hashable, ...], Callable[[Tensor], Result]] = {}

    def __call__(self, x: Tensor, *given: Hashable) -> Result:
        """Return the function's result.

        Args:
            x: the input.
            given: what else the function depends on; it is made ready for each such by itself.
        """
        key = (tuple(x.shape), *given)
        ready = self._ready.pop(key, None) or self._make(x, *given)
        self._ready[key] = ready  # the last one is the one used last
        if len(self._ready) > self._keep:
            del self._ready[next(iter(self._ready))]
        return ready(x)


class GraphPerShape(PerShape[Result]):
    """A function that is recorded as a CUDA graph for every shape of input.

    The graphs share the memory in which they compute, so a result is written over by the next call
    whatever its shape.
    """

    def __init__(
        self, function: Callable[..., Result], device: torch.device, keep: int = KEPT_SHAPES
    ) -> None:
        """Keep a function; nothing is recorded yet.

        Args:
            function: of an input and whatever else it depends on; see `CudaGraph`.
            device: the GPU.
            keep: as in `PerShape`.
        """
        super().__init__(self._record, keep)
        self._function, self._device = function, device

    def _record(self, x: Tensor, *given: Hashable) -> CudaGraph[Result]:
        # Torch shares memory only with a graph that is there, and one that is kept always is.
        kept = (graph for graph in self._ready.values() if isinstance(graph, CudaGraph))
        return CudaGraph(
            lambda image: self._function(image, *given), x, self._device, beside=next(kept, None)
        )


class Frequent(Generic[Result]):
    """A function that is recorded for every shape of input that occurs often, and else just called.

    Recording a shape takes as long as computing it several times. Data sets with one shape have it
    recorded, those of photographs the first few that are frequent; none makes room for another.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Result],
        device: torch.device,
        record: Callable[..., Callable[[Tensor], Result]] = GraphPerShape,
    ) -> None:
        """Keep a function; nothing is recorded yet.

        Args:
            function: see `CudaGraph`.
            device: the GPU.
            record: makes what records it for every shape it is called with.
        """
        self._function, self._record = function, record(function, device, _KEPT_OF_A_DATA_SET)
        self._seen = Counter[tuple[int, ...]]()
        self.recorded: set[tuple[int, ...]] = set()
        """Shapes."""

    def __call__(self, image: Tensor) -> Result:
        """Return the function's result, which the next call may write over.

        Raises:
            PrerequisiteError: it cannot be recorded. Torch would not free memory any more if this
                process went on.
        """
        shape = tuple(image.shape)
        if shape not in self.recorded:
            self._seen[shape] += 1
            is_frequent = self._seen[shape] > _JUST_CALLED
            if not is_frequent or len(self.recorded) == _KEPT_OF_A_DATA_SET:
                return self._function(image)
        try:
            found = self._record(image)
        except RuntimeError as error:
            msg = (
                f"The work on an input of {shape[-1]} x {shape[-2]} pixels cannot be recorded as a "
                f"CUDA graph: {first_line(error)}. Go on with --no-graphs; what is done is kept."
            )
            raise PrerequisiteError(msg) from None
        self.recorded.add(shape)
        return found
