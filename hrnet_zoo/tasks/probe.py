"""A row's network that looks at some of its images, as documented or otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import Evaluator, ImageResult, evaluate
from hrnet_zoo.tasks.jackknife import Reweighted
from hrnet_zoo.tasks.scored import ProtocolUsed


@dataclass(frozen=True, kw_only=True)
class Probe:
    """All that a pass over the images needs; what a pass does otherwise is said to `look`."""

    task: Any
    setup: Any
    samples: Any
    indices: Sequence[int]
    """Of the images."""
    metric: Any
    model: Any
    """With its weights, in eval mode, not folded; on ``device``."""
    device: torch.device
    num_workers: int | None = None
    _decoded: dict[int, Any] = field(default_factory=dict)

    @cached_property
    def usual(self) -> list[ImageResult]:
        """The result of each image as documented, in the order of the indices."""
        return self.look()

    def shows_otherwise(self, change: Callable[[Any], Evaluator[Any]]) -> bool:
        """Whether a changed evaluator shows the network anything that the usual one does not."""
        given = (self.setup, self.samples, None, [self.metric], self.device)
        usual: Evaluator[Any] = self.task.networks.evaluator(*given)
        other = change(usual)
        for sample in map(self._load, self.indices):
            pairs = zip(usual.arrays(sample), other.arrays(sample), strict=True)
            if not all(np.array_equal(one, another) for one, another in pairs):
                return True
        return False

    def look(
        self,
        *,
        setup: Any = None,
        load: Callable[[int], Any] | None = None,
        indices: Sequence[int] | None = None,
        network: Any = None,
        change: Callable[[Any], Evaluator[Any]] | None = None,
    ) -> list[ImageResult]:
        """Return the result of each image, in the order of the indices.

        Args:
            setup: another than the row's.
            load: returns other samples than the row's, by their indices.
            indices: of other samples than the probe's.
            network: another than the row's, folded, model.
            change: makes another evaluator of the usual one.

        Raises:
            ZooError: the network's outputs are not numbers, or a file cannot be used.
        """
        setup, network = setup or self.setup, network or self.task.networks.network(self.model)
        given = (setup, self.samples, network, [self.metric], self.device)
        evaluator: Evaluator[Any] = self.task.networks.evaluator(*given)
        evaluator = evaluator if change is None else change(evaluator)
        evaluator = _Shown(evaluator, load or self._load)
        indices = self.indices if indices is None else indices
        with canonical_precision():
            seen = evaluate(
                evaluator, indices, num_workers=self.num_workers, seconds=StageSeconds()
            )
            return list(seen)

    def _load(self, index: int) -> Any:
        """Return a decoded sample, which is kept: a few dozen fit in memory."""
        if index not in self._decoded:
            self._decoded[index] = self.samples.load(index)
        return self._decoded[index]

    def reweighted(self, results: Sequence[ImageResult]) -> Reweighted:
        """Return what computes the metric over the results of a pass; see `Task.reweighted`."""
        counted = [result.counted[self.metric.evidence] for result in results]
        computed: Reweighted = self.task.reweighted(self.metric, counted)
        return computed


class _Shown(Evaluator[Any]):
    """An evaluator that is shown other samples."""

    def __init__(self, evaluator: Evaluator[Any], load: Callable[[int], Any]) -> None:
        self._evaluator, self._load = evaluator, load
        self.samples, self.device = evaluator.samples, evaluator.device

    def load(self, index: int) -> Any:
        return self._load(index)

    def arrays(self, sample: Any) -> Sequence[NDArray[np.uint8]]:
        return self._evaluator.arrays(sample)

    def look(
        self, sample: Any, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> Callable[[], dict[str, Any]]:
        return self._evaluator.look(sample, arrays, seconds)

    def protocols_used(self) -> dict[str, ProtocolUsed]:
        return self._evaluator.protocols_used()
