"""Ranks the classes of images."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.class_samples import ClassSample, ClassSamples
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    Network,
    class_scores,
    cropped_image,
)
from hrnet_zoo.tasks.classification.top_k import Ranking, best_classes
from hrnet_zoo.tasks.evaluation import Evaluator
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.readback import sent_back
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.stopwatch import Stopwatch


@dataclass(frozen=True)
class ClassificationEvaluator(Evaluator[ClassSample]):
    """A classifier's network and the protocol under which it looks at images."""

    network: Network
    samples: ClassSamples
    protocol: ClassificationProtocol
    device: torch.device

    def protocols_used(self) -> dict[str, ProtocolUsed]:
        """Return the only protocol there is."""
        return {SINGLE: self.protocol.used()}

    def arrays(self, sample: ClassSample) -> list[NDArray[np.uint8]]:
        """Return what the network sees."""
        return [cropped_image(sample.image, self.protocol)]

    def look(
        self, sample: ClassSample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> Callable[[], dict[str, Ranking]]:
        """Return what returns the classes that are ranked highest."""
        watch = Stopwatch(self.device)
        probabilities = class_scores(self.network, arrays, self.protocol, device=self.device)
        watch.lap("forward")
        arrived = sent_back(probabilities)

        def ranking() -> dict[str, Ranking]:
            scores = arrived()
            watch.add_to(seconds)
            started = time.perf_counter()
            if not scores.isfinite().all():
                msg = f"image {sample.name}: the network's outputs are not numbers"
                raise CheckpointError(msg)
            (best,) = best_classes(scores)
            seconds.post += time.perf_counter() - started
            return {SINGLE: Ranking(label=sample.label, best=best)}

        return ranking
