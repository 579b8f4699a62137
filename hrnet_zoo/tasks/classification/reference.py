"""Upstream's scores of a reference image."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.class_samples import ClassSample
from hrnet_zoo.tasks.classification.protocol import Network
from hrnet_zoo.tasks.classification.top_k import Ranking
from hrnet_zoo.tasks.reference import Compared, Expected


class ExpectedClasses(Expected):
    """The classes that are ranked highest, with their logits.

    The ranking alone tells little: of 34 recorded mistakes, 29 keep its first place.
    """

    _logits: Tensor

    def watched(self, network: Network) -> Callable[[Tensor], Tensor]:
        """Return the network; its logits are kept, of which the evaluation keeps only the order."""

        def keeping(x: Tensor) -> Tensor:
            logits = network(x)
            self._logits = logits[0].float().cpu()
            return logits

        return keeping

    def sample(self, image: NDArray[np.uint8]) -> ClassSample:
        """Return the image; its class does not matter."""
        return ClassSample(name=self.reference.name, image=image, label=0, digest="")

    def compared(self, counted: Ranking) -> Compared:
        """Return how many of the first places have upstream's class, and how far logits differ."""
        stored = json.loads(self.answer)
        classes, logits = stored["classes"], np.array(stored["logits"])
        difference = np.abs(self._logits.numpy()[classes] - logits).max()
        return Compared(
            num_compared=len(counted.best),
            num_equal=sum(a == b for a, b in zip(classes, counted.best, strict=False)),
            largest_score_difference=float(difference),
        )
