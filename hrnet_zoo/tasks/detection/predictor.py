"""One image in, boxes and masks out: the Python interface to a trained detector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hrnet_zoo.datasets import DATASETS
from hrnet_zoo.datasets.detections import ImageDetections, Rle
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.datasets.transforms import resize_keep_ratio
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.system.devices import canonical_precision
from hrnet_zoo.tasks.detection.protocol import detect, to_image_detections
from hrnet_zoo.tasks.input_image import check_scale, pixels_of
from hrnet_zoo.tasks.loading import detection_protocol, folded_detector
from hrnet_zoo.zoo.row import Row


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectionResult:
    """What a detector sees in one image, highest score first."""

    boxes: NDArray[np.float32]
    """[M, 4], xyxy in pixels of the image."""
    scores: NDArray[np.float32]
    """[M], 0 to 1."""
    labels: NDArray[np.int64]
    """[M], 0 to K - 1."""
    masks: list[Rle] | None
    """One per box, in COCO's run-length encoding; None for detectors without masks."""
    class_names: tuple[str, ...]
    """K names."""
    palette: tuple[tuple[int, int, int], ...]
    """K RGB triples, 0 to 255."""

    def decoded_masks(self) -> NDArray[np.bool_]:
        """Return the masks as [M, H, W]; none of a detector without masks.

        Raises:
            ValueError: the detector has no masks.
        """
        if self.masks is None:
            msg = "this detector finds boxes, not masks"
            raise ValueError(msg)
        return decode_masks(self.masks)

    def detections(self) -> ImageDetections:
        """Return the same in the form that is kept, scored and drawn."""
        return ImageDetections(
            boxes=self.boxes, scores=self.scores, labels=self.labels, masks=self.masks
        )


class DetectionPredictor:
    """A row's detector with its weights, and the row's way of looking at images.

    ``model`` is the network as published, for whatever else it is wanted for; predictions come from
    a copy of it, made when the predictor is, with BatchNorm folded in.
    """

    def __init__(self, row: Row, model: Detector, device: torch.device) -> None:
        self.row = row
        self.model = model
        self._network = folded_detector(model)
        self._device = device
        self._classes = DATASETS[row.setup.dataset].classes
        self._protocol = detection_protocol(row, with_masks=True)

    def predict(
        self, image: str | Path | NDArray[np.uint8], *, scale: tuple[int, int] | None = None
    ) -> DetectionResult:
        """Detect objects in an image.

        Args:
            image: a file, or RGB [H, W, 3] uint8.
            scale: box (width, height) of the keep-ratio resize; None: the documented one.

        Raises:
            CheckpointError: the network's outputs are not numbers.
            DatasetError: the file cannot be decoded.
            UsageError: the array has another shape or type.
        """
        pixels = pixels_of(image)
        protocol = self._protocol
        if scale is not None:
            check_scale(scale)
            protocol = replace(protocol, scale=scale)
        size = (pixels.shape[0], pixels.shape[1])
        resized = resize_keep_ratio(pixels, protocol.scale)
        with canonical_precision():
            found = detect(self._network, resized, protocol, size=size, device=self._device)
        kept = to_image_detections(found, size)
        return DetectionResult(
            boxes=kept.boxes,
            scores=kept.scores,
            labels=kept.labels,
            masks=kept.masks,
            class_names=self._classes.names,
            palette=self._classes.palette,
        )
