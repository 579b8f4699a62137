"""Counts how labels meet predictions in images, under every protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.label_samples import LabelSamples, Sample
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.evaluation import Evaluator
from hrnet_zoo.tasks.readback import sent_back
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
from hrnet_zoo.tasks.segmentation.counting import counts_of, pair_table
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, resized_images
from hrnet_zoo.tasks.segmentation.scorer import Scorer
from hrnet_zoo.tasks.stopwatch import Stopwatch


@dataclass(frozen=True)
class SegmentationEvaluator(Evaluator[Sample]):
    """A segmentor's network and the protocols under which it looks at images."""

    network: Network
    samples: LabelSamples
    protocols: Mapping[str, SegmentationProtocol]
    device: torch.device
    _scorer: Scorer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_scorer", Scorer(self.network, self.device))

    def arrays(self, sample: Sample) -> list[NDArray[np.uint8]]:
        """Return the labels, then the image in all sizes of every protocol."""
        sizes = (resized_images(sample.image, p) for p in self.protocols.values())
        return [sample.label, *(image for images in sizes for image in images)]

    def look(
        self, sample: Sample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> Callable[[], dict[str, SparseCounts]]:
        """Return what returns how labels met predictions, by protocol."""
        del sample
        label, *images = arrays
        sizes = iter(images)
        counted = {
            name: self._count(list(islice(sizes, len(protocol.ratios))), label, protocol, seconds)
            for name, protocol in self.protocols.items()
        }
        return lambda: {name: counts() for name, counts in counted.items()}

    def protocols_used(self) -> dict[str, ProtocolUsed]:
        """Return scales, windows and mirroring of every protocol."""
        return {name: protocol.used(name) for name, protocol in self.protocols.items()}

    @property
    def remarks(self) -> list[str]:
        """Return whether memory did not suffice for all views of an image together."""
        return [self._scorer.remark] if self._scorer.remark else []

    def _count(
        self,
        images: Sequence[Pixels],
        label: Pixels,
        protocol: SegmentationProtocol,
        seconds: StageSeconds,
    ) -> Callable[[], SparseCounts]:
        watch = Stopwatch(self.device)
        scores = self._scorer.scores(images, protocol, (label.shape[0], label.shape[1]))
        watch.lap("forward")
        prediction = scores.argmax(dim=0).to(torch.uint8)
        watch.lap("post")
        pairs = pair_table(prediction, label)
        watch.lap("metric")
        table = sent_back(pairs)
        num_classes = scores.shape[0]

        def counts() -> SparseCounts:
            arrived = table()
            watch.add_to(seconds)
            return SparseCounts.of(counts_of(arrived, num_classes))

        return counts
