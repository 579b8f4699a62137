"""The Python interface to a trained segmentor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from hrnet_zoo.datasets.label_samples import LabelSamples
from hrnet_zoo.system.image_files import FoundImage, save_png
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.tasks.input_image import pixels_of
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.options import LookOptions
from hrnet_zoo.tasks.pictures import colourise, comparison, legend_of, overlay, palette_png
from hrnet_zoo.tasks.predictor import Predictor, SeenImage
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, resized_images
from hrnet_zoo.tasks.segmentation.scorer import Scorer

_SHOWN_CLASSES = 4


@dataclass(frozen=True, kw_only=True)
class SegmentationResult:
    """What a network sees in one image."""

    labels: NDArray[np.uint8]
    """[H, W], 0 to K - 1, at the image's own size."""
    class_names: tuple[str, ...]
    """K names."""
    palette: tuple[tuple[int, int, int], ...]
    """K RGB triples, 0 to 255."""
    _scores: Tensor = field(repr=False)
    _are_probabilities: bool = field(repr=False)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """Return the class probabilities [K, H, W] float32, computed when first asked for."""
        scores = self._scores if self._are_probabilities else self._scores.softmax(dim=0)
        return scores.numpy()

    def shares(self) -> dict[str, float]:
        """Return class name -> share of the pixels, largest first, of classes that occur."""
        counts = np.bincount(self.labels.ravel(), minlength=len(self.class_names))
        largest = (k for k in np.argsort(-counts, kind="stable") if counts[k])
        return {self.class_names[k]: int(counts[k]) / self.labels.size for k in largest}


class SegmentationPredictor(Predictor):
    """A row's segmentor."""

    writes = ("labels", "picture")
    doing = "labelling"

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self._network, self._device)

    @property
    def remarks(self) -> list[str]:
        """Return whether memory did not suffice for all views of an image together."""
        return [self._scorer.remark] if self._scorer.remark else []

    def predict(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        protocol: str = SINGLE,
        scale: tuple[int, int] | None = None,
    ) -> SegmentationResult:
        """Label every pixel of an image.

        Args:
            image: a file, or RGB [H, W, 3] uint8.
            protocol: "single" (whole image or sliding window, as the row documents) or "ms_flip".
            scale: box (width, height) of the keep-ratio resize; None: the documented one.

        Raises:
            DatasetError: the file cannot be decoded.
            PrerequisiteError: the device's memory does not suffice.
            UsageError: the array has another shape or type, or the protocol is unknown.
        """
        pixels = pixels_of(image)
        chosen = SegmentationProtocol.of(self.setup, protocol, scale=scale)
        images, size = resized_images(pixels, chosen), (pixels.shape[0], pixels.shape[1])
        with canonical_precision(), self.explained(size):
            scores = self._scorer.scores(images, chosen, size)
            labels = scores.argmax(dim=0).to(torch.uint8).cpu().numpy()
            # On a GPU the results of a few images that are kept would fill its memory.
            scores = scores.cpu()
        return SegmentationResult(
            labels=labels,
            class_names=self._classes.names,
            palette=self._classes.palette,
            _scores=scores,
            _are_probabilities=chosen.averages_probabilities,
        )

    def see(self, image: FoundImage, pixels: NDArray[np.uint8], options: LookOptions) -> SeenImage:
        """Label an image; write its label map and the image tinted, with a legend."""
        result = self.predict(pixels, protocol=options.protocol)
        labels = options.folder / f"{image.stem}_labels.png"
        picture = options.folder / f"{image.stem}_overlay.png"
        save_png(palette_png(result.labels, result.palette), labels)
        legend = legend_of(result.class_names, result.palette, result.labels)
        tinted = overlay(pixels, result.labels, result.palette, options.alpha)
        save_png(comparison([(image.path.name, tinted)], legend), picture)
        shares = result.shares()
        most = [f"{name} {share:.1%}" for name, share in list(shares.items())[:_SHOWN_CLASSES]]
        return SeenImage(
            image=image.path,
            size=(pixels.shape[0], pixels.shape[1]),
            classes=shares,
            files={"labels": labels, "picture": picture},
            summary=", ".join(most),
        )

    def beside_truth(self, samples: LabelSamples, index: int, zoom: int) -> Image.Image:
        """Return an image, its labels and the prediction side by side, enlarged."""
        sample = samples.load(index)
        result = self.predict(sample.image)
        legend = legend_of(result.class_names, result.palette, sample.label, result.labels)
        panels = [
            ("input", Image.fromarray(sample.image)),
            ("labels (black: ignored)", colourise(sample.label, result.palette)),
            ("prediction", colourise(result.labels, result.palette)),
        ]
        return comparison(panels, legend, zoom=zoom)
