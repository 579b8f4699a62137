"""What a task is: everything that the rest of the program asks about a row's kind of work.

A task is torch-free to import and to ask about names, setups and metrics; what needs torch is
imported inside its methods, because `list`, `show` and reports must start quickly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.errors import CheckpointError, UsageError
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import SINGLE, ScoreOptions, WorstOptions
from hrnet_zoo.tasks.scored import ProtocolUsed, Scored
from hrnet_zoo.tasks.setup import Setup

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from hrnet_zoo.datasets.data_set import Samples
    from hrnet_zoo.memory.workload import Workload
    from hrnet_zoo.system.progress import Progress
    from hrnet_zoo.tasks.evaluation import Evaluator, ImageResult
    from hrnet_zoo.tasks.predictor import Predictor
    from hrnet_zoo.timing.inputs import TimedImage
    from hrnet_zoo.timing.variants import Recipe, Timeable, TimedNetwork


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network with the weights of a file."""

    model: nn.Module
    extra_keys: list[str]
    """Tensors of the file that the network has no use for."""

    def describe_extra(self, path: Path) -> str:
        """Return what was left out of a file, for people."""
        shown = ", ".join(self.extra_keys[:3]) + (", ..." if len(self.extra_keys) > 3 else "")
        return (
            f"{path.name}: {len(self.extra_keys)} tensors that the network has no use for ({shown})"
        )


@dataclass(frozen=True, kw_only=True)
class MemoryBounds:
    """Which ratios of predicted to documented training memory are accepted, and why."""

    low: float
    high: float
    reason: str


class Task(ABC):
    """One kind of work that networks of a zoo do.

    Setups, samples, networks and metrics are those of the task; a task is never given another's.
    """

    name: ClassVar[str]
    setup: ClassVar[type[Setup]]
    """How its rows are set up."""
    metrics: ClassVar[tuple[Metric, ...]]
    """Its numbers, in the order in which tables print them."""
    does: ClassVar[str]
    """What its networks do, for messages: "labels pixels"."""
    protocols: ClassVar[tuple[str, ...]] = (SINGLE,)
    """Ways to look at an image, of which `predict` takes any."""
    memory: ClassVar[MemoryBounds | None] = None
    """What predictions of training memory are held against; None: nothing is known."""

    counts: ClassVar[tuple[str, ...]] = ()
    """Protocols that look at the network alone, without data and weights; see `count`."""
    methods: ClassVar[Mapping[str, str]]
    """How the name of a configuration begins -> what READMEs call the method."""
    table_of: ClassVar[Literal["data set", "method"]] = "method"
    """What the models in one table of a README share: their heading."""

    # What is known without torch.

    def measures(self, metric: Metric) -> bool:
        """Whether `verify` can measure a metric for rows of this task."""
        return metric.protocol in (*self.protocols, *self.counts)

    def describe(self, setup: Any) -> list[tuple[str, str]]:
        """Return how a setup looks at images, in pairs of words, for `show`."""
        width, height = setup.test.scale
        return [
            ("test scale", f"{width} x {height} (width x height), keep ratio"),
            ("training", f"{setup.samples_per_gpu} samples per GPU on {setup.gpus} GPUs"),
        ]

    def protocol_used(self, setup: Any, protocol: str) -> ProtocolUsed:
        """Return how a protocol shows each image to the network: in one pass, mostly."""
        return ProtocolUsed(
            name=protocol,
            test=setup.test.model_dump(mode="json"),
            normalisation=setup.normalisation,
            ratios=[1.0],
            flip=False,
        )

    def resampled(
        self, metric: Metric, runs: Sequence[Sequence[str]], draws: NDArray[np.uint16]
    ) -> tuple[list[float | None], NDArray[np.float64]]:
        """Return a metric of several runs over the same images, and the same over resamples.

        Args:
            metric: one of the task's.
            runs: each run's N images in the same order, as `to_text` wrote them.
            draws: [resamples, N] of `draw_images`; making them takes longer than using them.

        Returns:
            R values, and [R, resamples] of them in which all runs drew alike.

        Raises:
            ValueError: a text is damaged, or the runs do not fit each other.
        """
        raise NotImplementedError

    @property
    def resamples(self) -> bool:
        """Whether a value follows from what is kept of images, so that these can be resampled."""
        return type(self).resampled is not Task.resampled

    # From a setup to a value.

    @abstractmethod
    def build(self, setup: Any) -> nn.Module:
        """Return the untrained network in eval mode, on the current default device.

        Raises:
            PrerequisiteError: this version cannot build it.
        """

    def load(self, name: str, setup: Any, path: Path, device: torch.device) -> LoadedNetwork:
        """Return the network with the weights of a file, in eval mode on ``device``.

        It is built on the meta device and the file's tensors become its weights, so that nothing is
        initialised in vain, and nothing the file lacks can stay at a random value unnoticed.

        Args:
            name: of the row, for messages.
            setup: of the row.
            path: the file.
            device: where to.

        Raises:
            CheckpointError: the file is unsafe, damaged or made for another network.
        """
        import torch

        from hrnet_zoo.weights.checkpoint_file import read_state_dict

        with torch.device("meta"):
            model = self.build(setup)
        try:
            extra = self.load_into(model, read_state_dict(path))
        except CheckpointError as error:
            msg = f"{name}: {error}"
            raise CheckpointError(msg) from None
        model = model.to(device).to(memory_format=torch.channels_last)
        return LoadedNetwork(model=model, extra_keys=extra)

    def load_into(self, model: nn.Module, state: dict[str, Tensor]) -> list[str]:
        """Make a file's tensors the network's weights; return the names of those left out.

        Raises:
            CheckpointError: they are for another network.
        """
        from hrnet_zoo.weights.state_dict import load_strict

        return load_strict(model, state)

    @abstractmethod
    def network(self, model: Any) -> Any:
        """Return what evaluates fastest with a model's weights: made of a folded copy of it."""

    def open_data(self, setup: Any, folder: Path) -> Samples:
        """Return the validation split that is below a folder.

        Raises:
            DatasetError: it is missing or incomplete.
        """
        return DATASETS[setup.dataset].open(folder)

    def count(self, setup: Any, protocol: str) -> Any:
        """Return what one of the protocols in `counts` counts of the network."""
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

    def to_text(self, counted: Any) -> str:
        """Return what a journal keeps of what was counted in one image under one protocol."""
        text: str = counted.to_text()
        return text

    @abstractmethod
    def from_text(self, text: str) -> Any:
        """Return what `to_text` kept.

        Raises:
            ValueError: the text is damaged.
        """

    @abstractmethod
    def score(
        self,
        setup: Any,
        samples: Any,
        metrics: Sequence[Any],
        results: Mapping[str, ImageResult],
        options: ScoreOptions,
        progress: Progress,
    ) -> dict[str, Scored]:
        """Return the value of each metric over all images, with what it rests on."""

    def check_options(self, options: ScoreOptions) -> None:
        """Refuse, before a long run, what could not be done at its end.

        Raises:
            PrerequisiteError: a library is missing.
        """
        del options

    def save_results(self, path: Path, samples: Any, results: Mapping[str, ImageResult]) -> str:
        """Write the answers for other tools to read, and return what was written, for people.

        Raises:
            UsageError: there is no such format for this task.
        """
        del path, samples, results
        msg = f"--save-results is for detections, and a {self.name} network {self.does}."
        raise UsageError(msg)

    @property
    def saves_results(self) -> bool:
        """Whether there is a format of results that other tools read."""
        return type(self).save_results is not Task.save_results

    @abstractmethod
    def draw_worst(
        self,
        setup: Any,
        samples: Any,
        network: Any,
        metric: Any,
        results: Mapping[str, ImageResult],
        options: WorstOptions,
        progress: Progress,
    ) -> None:
        """Save pictures of the images that the network did worst on, numbered from 01.

        Raises:
            DatasetError: a file can no longer be used.
        """

    # Looking at single images.

    @abstractmethod
    def predictor(self, name: str, setup: Any, model: Any, device: torch.device) -> Predictor:
        """Return the network of the row called ``name``, and its way of looking at images."""

    # Time and memory.

    @property
    @abstractmethod
    def timing(self) -> Timeable:
        """What the task's networks allow, and how alike their answers have to be."""

    def box(self, setup: Any) -> tuple[int, int]:
        """Return the documented (width, height) that images are resized to fit."""
        box: tuple[int, int] = setup.test.scale
        return box

    @abstractmethod
    def input_size(self, setup: Any) -> tuple[int, int]:
        """Return (height, width) of what goes through the network at once, as documented."""

    def run_all_parts(self, model: Any, image: Tensor) -> object:
        """Compute all that a network computes for an image [1, 3, H, W], whatever its values."""
        return model(image)

    @abstractmethod
    def timed(
        self, setup: Any, model: Any, images: Sequence[TimedImage], scale: Any, device: torch.device
    ) -> TimedNetwork[Any, Any]:
        """Return a network and images from which variants to time are made."""

    @abstractmethod
    def fast_network(self, model: Any, recipe: Recipe) -> Any:
        """Return what a fast variant computes with, to be evaluated like `network`."""

    @abstractmethod
    def fill(self, model: Any, image: TimedImage, setup: Any) -> None:
        """Make sane random numbers a network's weights; see `filled.py`."""

    @abstractmethod
    def training(self, setup: Any) -> Workload:
        """Return a training step whose memory can be predicted."""

    @abstractmethod
    def inference(self, setup: Any) -> Workload:
        """Return an inference whose memory can be predicted."""
