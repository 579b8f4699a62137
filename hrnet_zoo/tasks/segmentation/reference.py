"""Upstream's labels of a reference image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.images import decode_label
from hrnet_zoo.datasets.label_samples import Sample
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.reference import Compared, Expected
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts


class ExpectedLabels(Expected):
    """A label for each pixel; the evaluation counts predictions against them as it does truth."""

    def adjust(self, model: Segmentor) -> None:
        """Scale the filled classifier and replace its bias, in float64 as upstream's were."""
        assert self.reference.classifier is not None
        scale, bias = (self.reference.classifier[name] for name in ("scale", "bias"))
        assert model.classifier.bias is not None
        with torch.no_grad():
            model.classifier.weight.copy_(model.classifier.weight.double() * scale)
            model.classifier.bias.copy_(torch.tensor(bias, dtype=torch.float64))

    def sample(self, image: NDArray[np.uint8]) -> Sample:
        """Return the image with upstream's labels for its true ones."""
        name = self.reference.name
        label = decode_label(self.answer, Path(self.reference.answer))
        return Sample(name=name, image=image, label=label, digest="")

    def compared(self, counted: SparseCounts) -> Compared:
        """Return how many pixels have the label that upstream gave them."""
        counts = counted.dense()
        return Compared(num_compared=int(counts.sum()), num_equal=int(np.trace(counts)))
