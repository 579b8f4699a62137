"""One image in, labels out: the Python interface to a trained segmentor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.errors import UsageError
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.records.accuracy import ProtocolName
from hrnet_zoo.system.devices import canonical_precision
from hrnet_zoo.tasks.input_image import check_scale, pixels_of
from hrnet_zoo.tasks.loading import network_for_evaluation, single_protocol
from hrnet_zoo.tasks.segmentation.protocol import (
    SegmentationProtocol,
    class_scores,
    resized_images,
)
from hrnet_zoo.zoo.row import Row


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
        return scores.cpu().numpy()


class SegmentationPredictor:
    """A row's network with its weights, and the row's way of looking at images.

    ``model`` is the network as published, for whatever else it is wanted for; predictions come from
    a copy of it, made when the predictor is, with BatchNorm folded in.
    """

    def __init__(self, row: Row, model: Segmentor, device: torch.device) -> None:
        self.row = row
        self.model = model
        self._network = network_for_evaluation(model)
        self._device = device
        self._classes = class_table(row.setup.dataset)

    def predict(
        self,
        image: str | Path | NDArray[np.uint8],
        *,
        protocol: ProtocolName = "single",
        scale: tuple[int, int] | None = None,
    ) -> SegmentationResult:
        """Label every pixel of an image.

        Args:
            image: a file, or RGB [H, W, 3] uint8.
            protocol: "single" (whole image or sliding window, as the row documents) or "ms_flip".
            scale: box (width, height) of the keep-ratio resize; None: the documented one.

        Raises:
            DatasetError: the file cannot be decoded.
            UsageError: the array has another shape or type, or the protocol is unknown.
        """
        pixels = pixels_of(image)
        chosen = self._protocol(protocol, scale)
        with canonical_precision():
            scores = class_scores(
                self._network,
                resized_images(pixels, chosen),
                chosen,
                size=(pixels.shape[0], pixels.shape[1]),
                device=self._device,
            )
        return SegmentationResult(
            labels=scores.argmax(dim=0).to(torch.uint8).cpu().numpy(),
            class_names=self._classes.names,
            palette=self._classes.palette,
            _scores=scores,
            _are_probabilities=chosen.averages_probabilities,
        )

    def _protocol(self, name: str, scale: tuple[int, int] | None) -> SegmentationProtocol:
        if name not in ("single", "ms_flip"):
            msg = f'"{name}" is no protocol; use "single" or "ms_flip".'
            raise UsageError(msg)
        single = single_protocol(self.row)
        if scale is not None:
            check_scale(scale)
            single = replace(single, scale=scale)
        return single if name == "single" else single.ms_flip()
