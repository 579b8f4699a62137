"""Counts how labels meet predictions in images, under every protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.label_samples import LabelSamples, Sample
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.system.devices import synchronised_time
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import Evaluator
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
from hrnet_zoo.tasks.segmentation.counting import count_pairs
from hrnet_zoo.tasks.segmentation.protocol import (
    Network,
    SegmentationProtocol,
    class_scores,
    resized_images,
)


@dataclass(frozen=True)
class SegmentationEvaluator(Evaluator[Sample]):
    """A segmentor's network and the protocols under which it looks at images."""

    network: Network
    samples: LabelSamples
    protocols: Mapping[str, SegmentationProtocol]
    device: torch.device

    def arrays(self, sample: Sample) -> list[NDArray[np.uint8]]:
        """Return the labels, then the image in all sizes of every protocol."""
        sizes = (resized_images(sample.image, p) for p in self.protocols.values())
        return [sample.label, *(image for images in sizes for image in images)]

    def look(
        self, sample: Sample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> dict[str, SparseCounts]:
        """Return how labels met predictions, by protocol."""
        del sample
        label, *images = arrays
        sizes = iter(images)
        return {
            name: self._count(list(islice(sizes, len(protocol.ratios))), label, protocol, seconds)
            for name, protocol in self.protocols.items()
        }

    def _count(
        self,
        images: Sequence[Pixels],
        label: Pixels,
        protocol: SegmentationProtocol,
        seconds: StageSeconds,
    ) -> SparseCounts:
        size = (label.shape[0], label.shape[1])
        started = time.perf_counter()
        scores = class_scores(self.network, images, protocol, size=size, device=self.device)
        forward_done = synchronised_time(self.device)
        prediction = scores.argmax(dim=0).to(torch.uint8)
        post_done = synchronised_time(self.device)
        counts = count_pairs(prediction, label, scores.shape[0])
        seconds.forward += forward_done - started
        seconds.post += post_done - forward_done
        seconds.metric += time.perf_counter() - post_done
        return SparseCounts.of(counts)
