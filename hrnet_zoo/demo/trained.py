"""What lower precisions do to networks that were trained: the demo's, over all of its images.

Random weights exaggerate how far lower precision is from FP32, and have no accuracy to lose. The
demo's networks are small, but they are HRNets and come with images and labels: every machine can
find out in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.settings import cache_dir
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.system.progress import Progress, Silent
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import evaluate
from hrnet_zoo.tasks.metric import Metric
from hrnet_zoo.tasks.options import ScoreOptions
from hrnet_zoo.timing.inputs import image_from_file
from hrnet_zoo.timing.observations import Precision, TrainedFigure
from hrnet_zoo.timing.variants import Recipe, settings_for
from hrnet_zoo.zoo.checkpoint import FetchOptions, fetch_row
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row


class TrainedNetworks:
    """The demo's networks in lower precisions; what is known is not computed again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, torch.device, tuple[Precision, ...]], list[TrainedFigure]]
        self._known = {}

    def figures(
        self, task: str, precisions: Sequence[Precision], device: torch.device, progress: Progress
    ) -> list[TrainedFigure]:
        """Return accuracy and agreement of a task's network in each precision, beside FP32.

        The network of a precision is that of the variant "fast".

        Raises:
            ZooError: the device's memory does not suffice, or the outputs are not numbers.
        """
        if not precisions:
            return []
        key = (task, device, tuple(precisions))
        if key not in self._known:
            (row,) = load_zoo(MANIFEST).select(task=task)
            said = f"{row.name}: FP32 and {', '.join(precisions)} on the demo's images"
            progress.begin(said, None, "")
            recipes = [Recipe(name=name, fast=True, precision=name) for name in precisions]
            self._known[key] = _Trained(row, device).figures(recipes)
        return self._known[key]


class _Trained:
    """A row of the demo with its weights and data."""

    def __init__(self, row: Row, device: torch.device) -> None:
        fetch = FetchOptions(cache_dir=cache_dir(), offline=True)
        file = fetch_row(row, MANIFEST.parent, fetch, Silent())
        self._row = row
        self._networks = TASKS[row.task].networks
        self._device = device
        self._model = self._networks.load(row.name, row.setup, file.path, device).model
        self._samples: Any = TASKS[row.task].open_data(row.setup, DATA_ROOT)

    def figures(self, recipes: Sequence[Recipe]) -> list[TrainedFigure]:
        """Return what each recipe does to the network."""
        usual = (m for m in TASKS[self._row.task].metrics if m.is_default and m.is_accuracy)
        metric = METRICS[next(usual).name]
        with canonical_precision():
            fp32 = self._value(self._networks.network(self._model), metric)
        images = [image_from_file(self._samples.path_of(i)) for i in range(len(self._samples))]
        timed = self._networks.timed(self._row.setup, self._model, images, None, self._device)
        figures = []
        for recipe in recipes:
            with settings_for(recipe)():
                lower = self._value(timed.fast(self._model, recipe), metric)
            figures.append(
                TrainedFigure(
                    precision=recipe.precision,
                    network=self._row.name,
                    num_images=len(self._samples),
                    metric=metric.name,
                    fp32=fp32,
                    lower=lower,
                    agreement=timed.variant(recipe).agree(),
                )
            )
        return figures

    def _value(self, network: object, metric: Metric) -> float:
        setup = self._row.setup
        evaluator = self._networks.evaluator(setup, self._samples, network, [metric], self._device)
        every = range(len(self._samples))
        seen = evaluate(evaluator, every, num_workers=None, seconds=StageSeconds())
        results = {result.name: result for result in seen}
        scored = TASKS[self._row.task].score(
            setup, self._samples, [metric], results, ScoreOptions(), Silent()
        )
        value = scored[metric.name].value
        assert value is not None
        return value
