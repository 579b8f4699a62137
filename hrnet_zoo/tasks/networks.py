"""What a task does with its networks. All of it needs torch, so a task holds it apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.causes import Hypothesis
from hrnet_zoo.tasks.evaluation import Evaluator
from hrnet_zoo.tasks.filled import Filling, fill
from hrnet_zoo.tasks.predictor import Predictor
from hrnet_zoo.tasks.probe import Probe
from hrnet_zoo.tasks.reference import Expected
from hrnet_zoo.tasks.worst import WorstImages
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.variants import Timeable, TimedNetwork
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict
from hrnet_zoo.weights.taken import Taken


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network with the weights of a file."""

    model: nn.Module
    taken: Taken
    """What of the file they are."""


class Networks(ABC):
    """Setups, samples, models and metrics are those of the task, never another's."""

    predictor: ClassVar[type[Predictor]]
    """Looks at single images."""
    worst: ClassVar[type[WorstImages]]
    """Draws the images that a network did worst on."""
    timing: ClassVar[Timeable]
    """What the networks allow when they are timed, and how alike their answers have to be."""
    timed_network: ClassVar[type[TimedNetwork[Any, Any]]]
    """A network and images, from which variants to time are made."""
    training: ClassVar[type[Workload]]
    """A training step whose memory can be predicted."""
    inference: ClassVar[type[Workload]]
    """An inference whose memory can be predicted."""
    expected: ClassVar[type[Expected]]
    """Holds answers against upstream's own."""
    filling: ClassVar[Filling]
    """Random weights for networks whose checkpoint is not at hand."""

    @abstractmethod
    def build(self, setup: Any) -> nn.Module:
        """Return the untrained network in eval mode, on the current default device.

        Raises:
            PrerequisiteError: this version cannot build it.
        """

    def load(
        self,
        name: str,
        setup: Any,
        path: Path,
        device: torch.device,
        container: str | None = None,
    ) -> LoadedNetwork:
        """Return the network with the weights of a file, in eval mode on ``device``.

        It is built on the meta device and the file's tensors become its weights, so that nothing is
        initialised in vain, and nothing the file lacks can stay at a random value unnoticed.

        Args:
            name: of the row, for messages.
            setup: of the row.
            path: the file.
            device: where to.
            container: see `read_state_dict`.

        Raises:
            CheckpointError: the file is unsafe, damaged or made for another network.
        """
        with torch.device("meta"):
            model = self.build(setup)
        try:
            state, taken = read_state_dict(path, container)
            extra = self.load_into(model, state)
        except CheckpointError as error:
            msg = f"{name}: {error}"
            raise CheckpointError(msg) from None
        model = model.to(device).to(memory_format=torch.channels_last)
        return LoadedNetwork(model=model, taken=taken.model_copy(update={"extra_keys": extra}))

    def load_into(self, model: nn.Module, state: dict[str, Tensor]) -> list[str]:
        """Make a file's tensors the network's weights; return the names of those left out.

        Raises:
            CheckpointError: they are for another network.
        """
        return load_strict(model, state)

    def fill(self, model: Any, image: TimedImage, setup: Any) -> None:
        """Make sane random numbers a network's weights."""
        del image, setup
        fill(model, self.filling)

    def network(self, model: Any) -> Any:
        """Return what evaluates fastest with a model's weights: made of a folded copy of it."""
        return folded(model)

    def unfolded(self, model: Any) -> Any:
        """Return what computes the same as `network` with a model itself, more slowly."""
        return model

    def dense(self, model: Any) -> Callable[[Tensor], Any]:
        """Return as much of a network as no value decides the shapes of, up to nests of tensors."""
        compute: Callable[[Tensor], Any] = model
        return compute

    def with_dense(
        self, network: Any, change: Callable[[Callable[[Tensor], Any]], Callable[[Tensor], Any]]
    ) -> Any:
        """Return what `network` returned, the dense part of it replaced by what is made of it."""
        return change(network)

    def count(self, setup: Any, protocol: str) -> Any:
        """Return what one of the task's protocols in `counts` counts of the network."""
        raise NotImplementedError

    @abstractmethod
    def evaluator(
        self,
        setup: Any,
        samples: Any,
        network: Any,
        metrics: Sequence[Any],
        device: torch.device,
    ) -> Evaluator[Any]:
        """Return what looks at images under the protocols of all metrics, under each once."""

    def hypotheses(self, probe: Probe) -> Iterator[Hypothesis]:
        """Yield the task's own causes of a wrong number, which take passes over a probe."""
        del probe
        yield from ()

    def run_all_parts(self, model: Any, image: Tensor) -> object:
        """Compute all that a network computes for an image [1, 3, H, W], whatever its values."""
        return model(image)

    @abstractmethod
    def protocol(self, setup: Any, scale: tuple[int, int] | None) -> Any:
        """Return the documented way to look at images, or with another box (width, height)."""

    def timed(
        self, setup: Any, model: Any, images: Sequence[TimedImage], scale: Any, device: torch.device
    ) -> TimedNetwork[Any, Any]:
        """Return a network and images from which variants to time are made."""
        return self.timed_network(model, images, self.protocol(setup, scale), device)
