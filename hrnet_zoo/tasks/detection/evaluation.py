"""Finds objects in images, one image after the other, and holds them against those annotated."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets.coco_results import Result, result_entries
from hrnet_zoo.datasets.coco_samples import CocoSamples, DetectionSample
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.detection.matches import Matches
from hrnet_zoo.tasks.detection.matching import match_image
from hrnet_zoo.tasks.detection.metrics import Kind
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol, detect, to_image_detections
from hrnet_zoo.tasks.evaluation import Evaluator, ImageResult
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.readback import Aside
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.stopwatch import Stopwatch


@dataclass(frozen=True)
class DetectionEvaluator(Evaluator[DetectionSample]):
    """A detector and how it looks at images; only what it found is held against annotations."""

    network: Detector
    samples: CocoSamples
    protocol: DetectionProtocol
    device: torch.device
    kinds: tuple[Kind, ...] = ()
    """Whether boxes, masks or both are matched with the annotated ones."""
    _aside: Aside = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_aside", Aside(self.device))

    def protocols_used(self) -> dict[str, ProtocolUsed]:
        """Return the only protocol there is."""
        return {SINGLE: self.protocol.used()}

    def arrays(self, sample: DetectionSample) -> list[NDArray[np.uint8]]:
        """Return the resized image."""
        return [self.protocol.resize(sample.image, self.protocol.scale)]

    def look(
        self, sample: DetectionSample, arrays: Sequence[Pixels], seconds: StageSeconds
    ) -> Callable[[], dict[str, ImageDetections | Matches]]:
        """Return what returns the detections, with coded masks, and by kind what they match."""
        size = (sample.image.shape[0], sample.image.shape[1])
        watch = Stopwatch(self.device)
        try:
            found = detect(self.network, arrays[0], self.protocol, size=size, device=self.device)
        except CheckpointError as error:
            msg = f"image {sample.name}: {error}"
            raise CheckpointError(msg) from None
        watch.lap("forward")
        apart = self._aside.after_this()

        def answer() -> dict[str, ImageDetections | Matches]:
            started = time.perf_counter()
            with apart():
                coded = to_image_detections(found, size)
            ended = time.perf_counter()
            seconds.post += ended - started
            watch.add_to(seconds)
            counted: dict[str, ImageDetections | Matches] = {SINGLE: coded}
            for kind in self.kinds:
                counted[kind] = self._matches(sample, coded, kind)
            seconds.metric += time.perf_counter() - ended
            return counted

        return answer

    def _matches(self, sample: DetectionSample, found: ImageDetections, kind: Kind) -> Matches:
        size = (sample.image.shape[0], sample.image.shape[1])
        ids = self.samples.category_ids
        return match_image(sample.image_id, size, sample.annotations, found, ids, kind)


def all_entries(samples: CocoSamples, results: Mapping[str, ImageResult]) -> list[Result]:
    """Return the detections of all images in COCO's form, by the ids of the images."""
    ids = samples.image_ids()
    return [
        entry
        for name in sorted(results, key=ids.__getitem__)
        for entry in result_entries(ids[name], results[name].counted[SINGLE], samples.category_ids)
    ]
