"""A row's network on one device, made ready to look at the images of its data set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from hrnet_zoo.records.accuracy import Settings
from hrnet_zoo.system.numerics import allows_tf32, canonical_precision
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import ImageResult, evaluate
from hrnet_zoo.tasks.setup import Setup


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


class Looking:
    """A network with its weights on a device."""

    def __init__(self, look: Look, device: torch.device, samples: Any = None) -> None:  # noqa: ANN401 - of any data set
        """Load the network.

        Args:
            look: what to look at.
            device: where.
            samples: the data set, if it is open already.

        Raises:
            ZooError: checkpoint or data cannot be used.
        """
        task, setup = TASKS[look.setup.task], look.setup
        networks = task.networks
        loaded = networks.load(look.name, setup, look.checkpoint, device)
        metrics = [METRICS[name] for name in look.metrics]
        samples = samples or task.open_data(setup, look.data_folder)
        self._look, self.device = look, device
        self.extra_keys = loaded.extra_keys
        self.network = networks.network(loaded.model)
        self.seconds = StageSeconds()
        self._evaluator = networks.evaluator(setup, samples, self.network, metrics, device)
        with canonical_precision():
            self.settings = self._settings_in_force()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing; a `Fleet` has processes to end."""

    def results(self, indices: Iterable[int]) -> Iterator[ImageResult]:
        """Yield the result of each image in turn; see `evaluate`."""
        workers = self._look.num_workers
        with canonical_precision():
            yield from evaluate(self._evaluator, indices, num_workers=workers, seconds=self.seconds)

    @property
    def images_by_device(self) -> dict[str, int]:
        """Return nothing: there is one device."""
        return {}

    @property
    def remarks(self) -> list[str]:
        """Return what a record should say about how images were looked at."""
        return self._evaluator.remarks

    def _settings_in_force(self) -> Settings:
        """Return what torch is really set to, and what this program always does."""
        return Settings(
            device=str(self.device),
            dtype="float32",
            tf32=allows_tf32(),
            cudnn_benchmark=torch.backends.cudnn.benchmark,
            cudnn_deterministic=torch.backends.cudnn.deterministic,
            memory_format="channels_last",
            batch_norm_folded=True,
            num_threads=torch.get_num_threads(),
            num_workers=self._look.num_workers,
        )
