"""The ways to compute a row that are timed against each other, whatever the task."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models.folding import folded
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.system.numerics import numerics
from hrnet_zoo.timing import observations
from hrnet_zoo.timing.agreement import combined
from hrnet_zoo.timing.compiling import compiled, strict_compiler
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.layouts import FORMATS, faster_layout, has_to_be_measured
from hrnet_zoo.timing.observations import (
    Agreement,
    Engine,
    Layout,
    LayoutMeasured,
    Precision,
)
from hrnet_zoo.timing.transfers import pinned_for

DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "tf32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
"""What weights and activations are kept in."""

Network = TypeVar("Network", bound=nn.Module)
Answer = TypeVar("Answer")
"""What is compared of one image."""

Compute = Callable[[Tensor], Tensor]

_REASON_LENGTH = 300


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What makes a variant."""

    name: str
    fast: bool
    """In the layout that suits, with folded BatchNorm; or as documented."""
    with_loading: bool = False
    """Detection: the older protocol, which counts decoding and coded masks."""
    engine: Engine = "torch"
    precision: Precision = "fp32"
    batch: int = 1
    """Images that go through the network together."""
    chosen_layout: Layout | None = None
    """Another than the usual one."""

    @property
    def has_choice(self) -> bool:
        """Whether the layout is ours to choose; exported engines choose inside what suits them."""
        return self.fast and self.engine in ("torch", "compile", "cudagraph")

    @property
    def layout(self) -> torch.memory_format:
        """What the network likes best."""
        usual: Layout = "channels_last" if self.has_choice else "contiguous"
        return FORMATS[self.chosen_layout or usual]

    def how(self, engines: Mapping[Engine, str]) -> str:
        """Return how it computes, for people, from what is said of engines."""
        if not self.fast:
            return "eager, contiguous, BatchNorm not folded, TF32 off"
        layout = ", channels-last" if self.layout == torch.channels_last else ", contiguous"
        layout = layout if self.has_choice else ""
        return f"{engines[self.engine]}{layout}, BatchNorm folded, {self.precision}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Variant:
    """A recipe made ready for one row and one machine."""

    run: Callable[[], object]
    """What is timed; all of it is done when it returns."""
    agree: Callable[[], Agreement]
    """Compares with the documented way, on all images."""
    description: str


@dataclass(frozen=True, kw_only=True)
class Computation(Generic[Answer]):
    """How a variant computes."""

    run: Callable[[], object]
    """Does for the first image all that is timed; see `Variant`."""
    answer: Callable[[int], Answer]
    """Returns what it says of the i-th image, to be compared."""
    description: str


class TimedNetwork(ABC, Generic[Network, Answer]):
    """A row's network and images made ready, from which variants are made.

    All that is timed starts with the prepared image on the host and ends with labels or boxes on
    the host, as upstream's tools do it, for the documented way and for faster ones alike.
    """

    loader_pins: ClassVar[bool] = True
    """Whether upstream's loader hands out pinned memory, which the documented way starts with."""

    def __init__(
        self, model: Network, images: Sequence[TimedImage], protocol: object, device: torch.device
    ) -> None:
        """Keep a copy of a network on a device, and prepare its inputs on the CPU.

        Args:
            model: in eval mode.
            images: the first is timed, agreement is over all.
            protocol: the task's, of how the network sees them.
            device: where variants run.
        """
        self.layouts: dict[Precision, LayoutMeasured] = {}
        """What was measured until now."""
        self._images = images
        self._protocol = protocol
        self._device = device
        self._inputs = [self.input_of(image.pixels) for image in images]
        with explained(DOCUMENTED, self.network_input, device):
            moved = copy.deepcopy(model).to(device)
        self._model = moved.to(memory_format=torch.contiguous_format)
        self._made: dict[Recipe, Any] = {}

    @property
    def network_input(self) -> tuple[int, int]:
        """Return (height, width) of what the network gets of the first image."""
        return self._inputs[0].shape[-2], self._inputs[0].shape[-1]

    @property
    def window(self) -> tuple[int, int] | None:
        """Return (height, width) of sliding windows, if there are any."""
        return None

    def batch(self, i: int, recipe: Recipe) -> Tensor:
        """Return an input as often as the recipe wants, in the layout that suits it.

        It is on the host; for a GPU in pinned memory, unless upstream does not do so.
        """
        copies = self._inputs[i].expand(recipe.batch, -1, -1, -1)
        copies = copies.contiguous(memory_format=recipe.layout)
        return pinned_for(self._device, copies) if recipe.fast or self.loader_pins else copies

    def first_pass(self) -> object:
        """Do the documented network's work on the first image, to have it counted."""
        return self.computation(DOCUMENTED).answer(0)

    def made(self, recipe: Recipe) -> Any:  # noqa: ANN401 - differs from task to task
        """Return what a fast recipe computes with, the same every time."""
        if recipe not in self._made:
            self._made[recipe] = self.fast(self._model, recipe)
        return self._made[recipe]

    def variant(self, recipe: Recipe) -> Variant:
        """Make a variant ready; all that may be computed yet is which layout is faster."""
        recipe = self._in_its_layout(recipe)
        ours, documented = self.computation(recipe), self.computation(DOCUMENTED)

        @contextmanager
        def prepared() -> Iterator[None]:
            with explained(recipe, self.network_input, self._device), torch.inference_mode():
                yield

        def run() -> object:
            with prepared():
                return ours.run()

        def agreement(i: int) -> Agreement:
            with settings_for(DOCUMENTED)():
                expected = documented.answer(i)
            with settings_for(recipe)():
                return self.agreement(expected, ours.answer(i))

        def agree() -> Agreement:
            with prepared():
                return combined([agreement(i) for i in range(len(self._inputs))])

        return Variant(run=run, agree=agree, description=ours.description)

    def noise(self) -> Agreement:
        """Return how far the documented way agrees with itself in another layout of its images.

        Other kernels compute it then, so this is what kernels may differ by, on all images.
        """
        return self.variant(replace(DOCUMENTED, chosen_layout="channels_last")).agree()

    def _in_its_layout(self, recipe: Recipe) -> Recipe:
        """Return a recipe in the faster layout, which is measured once for each precision."""
        precision = recipe.precision
        if not (recipe.has_choice and has_to_be_measured(self._device, DTYPES[precision])):
            return recipe
        if precision not in self.layouts:
            network, compute = self.convolutional(folded(self._model))
            example = self.batch(0, recipe).to(self._device)
            if self.window is not None:
                example = example[..., : self.window[0], : self.window[1]]
            with settings_for(recipe)():
                self.layouts[precision] = faster_layout(network, compute, example)
        return replace(recipe, chosen_layout=self.layouts[precision].layout)

    @abstractmethod
    def input_of(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return what the network gets of an image, [1, 3, H, W] float32 on the CPU."""

    @staticmethod
    @abstractmethod
    def convolutional(model: Network) -> tuple[nn.Module, Callable[[Tensor], object]]:
        """Return as much of a network as has a layout to choose, and what it does to an input."""

    @staticmethod
    @abstractmethod
    def fast(model: Network, recipe: Recipe) -> Callable[..., object]:
        """Return what a fast variant computes with, to be evaluated like the documented network.

        Args:
            model: in eval mode, on the device; it is left alone.
            recipe: says the engine, and the precision within; what follows is float32 again.
        """

    @abstractmethod
    def maps_and_answer(self, recipe: Recipe, i: int) -> tuple[list[Tensor], Answer]:
        """Return what a fast recipe's engine computes of the i-th image, and what follows of it."""

    @abstractmethod
    def computation(self, recipe: Recipe) -> Computation[Answer]:
        """Return how a recipe computes; nothing is computed yet."""

    @abstractmethod
    def agreement(self, reference: Answer, ours: Answer) -> Agreement:
        """Compare an answer with the documented way's."""


@dataclass(frozen=True, kw_only=True)
class Timeable:
    """What the networks of a task allow when they are timed."""

    networks: str
    """What they are called, in the plural."""
    documented: tuple[Recipe, ...]
    """The documented ways, at batch 1."""
    exportable: tuple[Engine, ...]
    """The engines beside torch's own that can run them, or most of them."""
    batches: bool
    """Whether several images can go through them together."""
    min_agreement: float
    """The share of answers that has to be as the documented way has it, for a variant in FP32."""


DOCUMENTED = Recipe(name=observations.DOCUMENTED, fast=False)
DOCUMENTED_LOADING = Recipe(name=observations.WITH_LOADING, fast=False, with_loading=True)


def recipes(
    timeable: Timeable, engines: Sequence[Engine], precisions: Sequence[Precision], batch: int = 1
) -> list[Recipe]:
    """Return the documented ways first, then a fast one per engine and precision."""
    fast = []
    for engine, precision in dict.fromkeys(product(engines, precisions)):
        name = "fast" if engine == "torch" else str(engine)
        name = name if precision == "fp32" else f"{name}-{precision}"
        fast.append(Recipe(name=name, fast=True, engine=engine, precision=precision, batch=batch))
    return [*timeable.documented, *fast]


def in_precision(compute: Compute, recipe: Recipe) -> Compute:
    """Return a network that computes in a recipe's precision, compiled if it says so.

    Args:
        compute: with weights of that precision.
        recipe: of torch's own engines.

    Returns:
        From float32 to float32.
    """
    dtype = DTYPES[recipe.precision]
    if recipe.engine == "compile":
        compute = compiled(compute)
    return lambda x: compute(x.to(dtype)).to(torch.float32)


def settings_for(recipe: Recipe) -> Callable[[], AbstractContextManager[None]]:
    """Return what is entered before a variant runs.

    cuDNN may try its kernels for the fast variants only: the documented numbers were made without.
    """

    @contextmanager
    def settings() -> Iterator[None]:
        tf32, benchmark = recipe.precision == "tf32", recipe.fast
        compiler = strict_compiler() if recipe.engine == "compile" else nullcontext()
        with numerics(tf32=tf32, benchmark=benchmark, deterministic=False), compiler:
            yield

    return settings


@contextmanager
def explained(
    recipe: Recipe, network_input: tuple[int, int], device: torch.device
) -> Iterator[None]:
    """Turn what torch raises when it cannot go on into an error that says why.

    Memory can run out for every variant. Other failures are expected of the fast ones, of a missing
    compiler, say; that the documented way fails would be our own mistake.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            height, width = network_input
            smaller = "--scale" if recipe.batch == 1 else "--batch or --scale"
            msg = (
                f"{device} ran out of memory on an input of {width} x {height} pixels, batch "
                f"{recipe.batch}. Free memory on it, or pass a smaller {smaller}; nothing was made "
                "smaller to fit."
            )
            raise PrerequisiteError(msg) from None
        if not recipe.fast or not isinstance(error, RuntimeError | ImportError):
            raise
        raise PrerequisiteError(in_one_line(error)) from None


def in_one_line(error: Exception) -> str:
    """Return what an error says, shortened."""
    # What torch.compile adds is advice to those who develop it.
    text = str(error).partition("Set TORCHDYNAMO_VERBOSE")[0]
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= _REASON_LENGTH else f"{text[:_REASON_LENGTH]} ..."
