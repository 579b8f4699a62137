"""A row's network on one device, made ready to look at the images of its data set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from hrnet_zoo.models.folding import folded
from hrnet_zoo.records.accuracy import EngineChoice, EngineUsed, Settings
from hrnet_zoo.runs.engine import NUM_COMPARED, choose_engine
from hrnet_zoo.system.devices import failure_explained, memory_explained
from hrnet_zoo.system.numerics import allows_tf32, canonical_precision
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import ImageResult, evaluate
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.setup import Setup
from hrnet_zoo.timing.graphs import Frequent
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.layouts import FORMATS, faster_layout, has_to_be_measured
from hrnet_zoo.timing.observations import LayoutMeasured


@dataclass(frozen=True, kw_only=True)
class Look:
    """What is to be looked at, and how: all that another process has to know."""

    name: str
    """Of the row, for messages."""
    setup: Setup
    metrics: Sequence[str]
    """Names of metrics of images."""
    checkpoint: Path
    data_folder: Path
    num_workers: int | None
    """Threads that decode images; None: as many as keep up with the network."""
    graphs: bool = True
    """Whether a GPU's work is recorded as CUDA graphs, of shapes that occur often."""
    engine: EngineChoice = "torch"
    """What computes the network; anything but torch has to agree with torch first."""
    layout: LayoutMeasured | None = None
    """The layout that another device was faster in; None: it is measured."""


class Looking:
    """A network with its weights on a device."""

    def __init__(
        self,
        look: Look,
        device: torch.device,
        progress: Progress,
        samples: Any = None,  # noqa: ANN401 - of any data set
    ) -> None:
        """Load the network.

        Args:
            look: what to look at.
            device: where.
            progress: told why another engine than the one wished for computes.
            samples: the data set, if it is open already.

        Raises:
            ZooError: checkpoint or data cannot be used, or the device fails.
        """
        task, setup = TASKS[look.setup.task], look.setup
        self._look, self.device = look, device
        self._networks = task.networks
        self._recording: Frequent[Any] | None = None
        self.seconds = StageSeconds()
        if samples is None:
            samples = task.open_data(setup, look.data_folder)
        with self._explained(), canonical_precision():
            loaded = task.networks.load(look.name, setup, look.checkpoint, device)
            self.taken = loaded.taken
            layout = look.layout or self._faster_layout(loaded.model)
            model = loaded.model.to(memory_format=FORMATS[layout.layout])
            compared = min(NUM_COMPARED, len(samples)) if look.engine != "torch" else 0
            first = [_timed(samples, i) for i in range(compared)]
            given = (look.engine, look.name, setup, model, device, first)
            chosen = choose_engine(*given, progress)
            self.network = self._on_device(chosen.network, layout)
            self._settings = self._settings_in_force(layout, chosen.used)
        self._model, self._metrics = loaded.model, [METRICS[name] for name in look.metrics]
        seen = (setup, samples, self.network, self._metrics, device)
        self._evaluator = task.networks.evaluator(*seen)

    def _faster_layout(self, model: Any) -> LayoutMeasured:  # noqa: ANN401 - of any task
        """Return the layout in which a model is faster on the device, folded as it is evaluated."""
        if not has_to_be_measured(self.device, torch.float32):
            return LayoutMeasured(layout="channels_last")
        height, width = TASKS[self._look.setup.task].input_size(self._look.setup)
        image, evaluated = torch.zeros(1, 3, height, width, device=self.device), folded(model)
        return faster_layout(evaluated, self._networks.dense(evaluated), image)

    def _on_device(self, network: Any, layout: LayoutMeasured) -> Any:  # noqa: ANN401 - as above
        """Return a network that computes in a layout and, on a GPU, is recorded as CUDA graphs."""
        if self.device.type != "cuda":
            return network  # images come in the layout that processors like

        def changed(dense: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
            form = FORMATS[layout.layout]

            def in_layout(image: Tensor) -> Any:  # noqa: ANN401 - nests of tensors
                return dense(image.contiguous(memory_format=form))

            if not self._look.graphs:
                return in_layout
            self._recording = Frequent(in_layout, self.device)
            return self._recording

        return self._networks.with_dense(network, changed)

    def _explained(self) -> ExitStack:
        """Explain that the device fails or is full, before and between images."""
        stack = ExitStack()
        stack.enter_context(failure_explained(self.device))
        stack.enter_context(memory_explained(partial(_does_not_fit, self._look.name, self.device)))
        return stack

    @property
    def settings(self) -> Settings:
        """Return the settings in force, and whether anything was recorded until now."""
        recorded = bool(self._recording and self._recording.recorded)
        return self._settings.model_copy(update={"cuda_graphs": recorded})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; a `Fleet` has processes to end."""

    def results(self, indices: Iterable[int]) -> Iterator[ImageResult]:
        """Yield the result of each image in turn; see `evaluate`."""
        workers = self._look.num_workers
        with self._explained(), canonical_precision():
            yield from evaluate(self._evaluator, indices, num_workers=workers, seconds=self.seconds)

    def computed_otherwise(
        self,
        samples: Any,  # noqa: ANN401 - of any data set
        indices: Iterable[int],
    ) -> Iterator[ImageResult]:
        """Yield results of other kernels that compute the same: unfolded, in the other layout."""
        (form,) = (f for name, f in FORMATS.items() if name != self._settings.memory_format)
        networks = self._networks
        with self._explained(), canonical_precision():
            model = self._model.to(memory_format=form)
            network = networks.with_dense(
                networks.unfolded(model),
                lambda dense: lambda image: dense(image.contiguous(memory_format=form)),
            )
            given = (self._look.setup, samples, network, self._metrics, self.device)
            evaluator, workers = networks.evaluator(*given), self._look.num_workers
            yield from evaluate(evaluator, indices, num_workers=workers, seconds=StageSeconds())

    @property
    def protocols(self) -> dict[str, ProtocolUsed]:
        """Return how images are looked at, by protocol, as what looks at them says."""
        return self._evaluator.protocols_used()

    @property
    def images_by_device(self) -> dict[str, int]:
        """Return nothing: there is one device."""
        return {}

    @property
    def remarks(self) -> list[str]:
        """Return what a record should say about how images were looked at."""
        engine = self._settings.engine.remark
        said = [f"computed with torch, not with OpenVINO: {engine}"] if engine else []
        return [*said, *self._evaluator.remarks]

    def _settings_in_force(self, layout: LayoutMeasured, engine: EngineUsed) -> Settings:
        """Return what torch is really set to, and what this program always does."""
        return Settings(
            device=str(self.device),
            engine=engine,
            dtype="float32",
            tf32=allows_tf32(),
            cudnn_benchmark=torch.backends.cudnn.benchmark,
            cudnn_deterministic=torch.backends.cudnn.deterministic,
            memory_format=layout.layout,
            layout_measured=layout if layout.contiguous_s else None,
            batch_norm_folded=True,
            num_threads=torch.get_num_threads(),
            num_workers=self._look.num_workers,
        )


def _timed(samples: Any, index: int) -> TimedImage:  # noqa: ANN401 - of any data set
    """Return an image of a data set as engines are compared on it."""
    return TimedImage(name=samples.name_of(index), content=b"", pixels=samples.load(index).image)


def _does_not_fit(name: str, device: torch.device) -> str:
    return (
        f"{device} ran out of memory when the network of {name} was tried. Free memory on it or "
        "choose another --device; nothing was made smaller to fit."
    )
