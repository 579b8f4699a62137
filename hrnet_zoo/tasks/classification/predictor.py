"""The Python interface to a trained classifier."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.system.image_files import FoundImage, save_png
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.classification.pictures import bar_chart
from hrnet_zoo.tasks.classification.protocol import (
    ClassificationProtocol,
    class_logits,
    cropped_image,
)
from hrnet_zoo.tasks.classification.top_k import RANKED, require_k
from hrnet_zoo.tasks.input_image import pixels_of
from hrnet_zoo.tasks.options import LookOptions
from hrnet_zoo.tasks.predictor import Predictor, SeenImage


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassificationResult:
    """What a network sees in one image."""

    logits: NDArray[np.float32]
    """[K], before the softmax."""
    class_names: tuple[str, ...]
    """K names."""

    @cached_property
    def scores(self) -> NDArray[np.float32]:
        """Return the probability of every class, [K] float32: the softmax of the logits."""
        return torch.from_numpy(self.logits).softmax(dim=0).numpy()

    def top(self, k: int = RANKED) -> list[tuple[str, float]]:
        """Return name and score of the ``k`` likeliest classes, the likeliest first.

        Raises:
            UsageError: ``k`` is not a number of classes, from 1 to K.
        """
        require_k(k, len(self.class_names))
        best = np.argsort(-self.scores, kind="stable")[:k]
        return [(self.class_names[i], float(self.scores[i])) for i in best]


class ClassificationPredictor(Predictor):
    """See `Predictor`."""

    writes = ("picture",)
    doing = "classifying"

    @property
    def _protocol(self) -> ClassificationProtocol:
        return ClassificationProtocol.of(self.setup)

    def predict(self, image: str | Path | NDArray[np.uint8]) -> ClassificationResult:
        """Tell what an image shows.

        Args:
            image: a file, or RGB [H, W, 3] uint8.

        Raises:
            DatasetError: the file cannot be decoded.
            PrerequisiteError: the device's memory does not suffice.
            UsageError: the array has another shape or type.
        """
        crop = cropped_image(pixels_of(image), self._protocol)
        with canonical_precision(), self.explained((crop.shape[0], crop.shape[1])):
            logits = class_logits(self._network, [crop], self._protocol, device=self._device)
        return ClassificationResult(logits=logits[0].cpu().numpy(), class_names=self._classes.names)

    def see(self, image: FoundImage, pixels: NDArray[np.uint8], options: LookOptions) -> SeenImage:
        """Classify an image; draw what the network saw of it beside the likeliest classes."""
        top = self._top(self.predict(pixels))
        picture = options.folder / f"{image.stem}_classes.png"
        crop = cropped_image(pixels, self._protocol)
        save_png(bar_chart(crop, image.path.name, top), picture)
        return SeenImage(
            image=image.path,
            size=(pixels.shape[0], pixels.shape[1]),
            classes=dict(top),
            files={"picture": picture},
            summary=", ".join(f"{name} {score:.1%}" for name, score in top),
        )

    def beside_truth(self, samples: ClassSamples, index: int, zoom: int) -> Image.Image:
        """Return what the network saw of an image beside the likeliest classes."""
        sample = samples.load(index)
        truth = self._classes.names[sample.label]
        crop = cropped_image(sample.image, self._protocol).repeat(zoom, 0).repeat(zoom, 1)
        title = f"input; it shows: {truth}"
        return bar_chart(crop, title, self._top(self.predict(sample.image)), truth=truth)

    def _top(self, result: ClassificationResult) -> list[tuple[str, float]]:
        return result.top(min(RANKED, len(self._classes.names)))
