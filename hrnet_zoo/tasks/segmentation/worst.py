"""The images a segmentor did worst on: input, truth, prediction and error side by side."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from PIL import Image

from hrnet_zoo.system.devices import memory_explained
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.ahead import image_too_large
from hrnet_zoo.tasks.pictures import colourise, comparison, errors, legend_of
from hrnet_zoo.tasks.segmentation.confusion import SegmentationScores
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, resized_images
from hrnet_zoo.tasks.segmentation.scorer import Scorer
from hrnet_zoo.tasks.worst import WorstImages

# Panels of full-size street scenes side by side would be 8000 pixels wide.
_PANEL_SIDE = 800


class WorstLabelled(WorstImages):
    """See `WorstImages`."""

    def values(self) -> Iterator[float | None]:
        """Yield the metric of each image."""
        protocol = self.metric.protocol
        assert self.metric.value_of is not None
        assert protocol is not None
        for result in self.results.values():
            yield self.metric.value_of(SegmentationScores.of(result.counted[protocol].dense()))

    def picture(self, index: int, name: str, value: float) -> Image.Image:
        """Predict the image once more."""
        sample, device = self.samples.load(index), self.options.device
        protocol = SegmentationProtocol.of(self.setup, self.metric.protocol or "")
        images = resized_images(sample.image, protocol)
        size = sample.label.shape
        with canonical_precision(), memory_explained(partial(image_too_large, size, device)):
            scores = Scorer(self.network, device).scores(images, protocol, size)
        prediction = scores.argmax(dim=0).to(torch.uint8).cpu().numpy()
        names, palette = self.classes.names, self.classes.palette
        panels = [
            (f"{self.metric.title} {value:.1f}: {name}", Image.fromarray(sample.image)),
            ("truth (black: ignored)", colourise(sample.label, palette)),
            ("prediction", colourise(prediction, palette)),
            ("error (red: wrong)", errors(sample.image, sample.label, prediction)),
        ]
        for _, panel in panels:
            panel.thumbnail((_PANEL_SIDE, _PANEL_SIDE), Image.Resampling.NEAREST)
        zoom = max(1, _PANEL_SIDE // 2 // max(panels[0][1].size))
        return comparison(panels, legend_of(names, palette, sample.label, prediction), zoom=zoom)
