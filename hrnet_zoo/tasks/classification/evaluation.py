"""Ranks the classes of images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.class_samples import ClassSample, ClassSamples
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.system.devices import synchronised_time
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


@dataclass(frozen=True)
class ClassificationEvaluator(Evaluator[ClassSample]):
    """A classifier's network and the protocol under which it looks at images."""

    network: Network
    samples: ClassSamples
    protocol: ClassificationProtocol
    device: torch.device

    def arrays(self, sample: ClassSample) -> list[NDArray[np.uint8]]:
        """Return what the network sees."""
        return [cropped_image(sample.image, self.protocol)]

    def look(
        self, sample: ClassSample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> dict[str, Ranking]:
        """Return the classes that are ranked highest."""
        started = time.perf_counter()
        scores = class_scores(self.network, arrays, self.protocol, device=self.device)
        forward_done = synchronised_time(self.device)
        if not scores.isfinite().all():
            msg = f"image {sample.name}: the network's outputs are not numbers"
            raise CheckpointError(msg)
        (best,) = best_classes(scores)
        seconds.forward += forward_done - started
        seconds.post += time.perf_counter() - forward_done
        return {SINGLE: Ranking(label=sample.label, best=best)}
