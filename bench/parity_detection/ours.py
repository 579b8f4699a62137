"""hrnet-zoo, driven the way its own commands drive it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from rows import detection_protocol, load_detector
from torch import Tensor

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.transforms import resize_keep_ratio
from hrnet_zoo.models.detection.detector import Detections, Detector
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.detection.protocol import detect, to_image_detections
from parity_detection.inputs import Picture, row

CPU = torch.device("cpu")


class Ours:
    """One row's detector with filled weights, loaded as `hrnet-zoo verify` loads it."""

    def __init__(self, name: str, weights: dict[str, Tensor], folder: Path) -> None:
        """Load the detector.

        Args:
            name: of the row.
            weights: state dict with upstream's names.
            folder: where the checkpoint file is written.
        """
        checkpoint = folder / f"{name}.pth"
        torch.save({"meta": {}, "state_dict": weights}, checkpoint)
        self._protocol = detection_protocol(row(name), with_masks=True)
        self._network = folded(cast("Detector", load_detector(row(name), checkpoint, CPU).model))

    def predict(self, picture: Picture) -> ImageDetections:
        """Return what is found in a picture."""
        found = self.detect(resized(picture), picture)
        return to_image_detections(found, picture.size)

    def detect(self, pixels: NDArray[np.uint8], picture: Picture) -> Detections:
        """Run the network and its post-processing on what `resized` made of a picture."""
        protocol = replace(self._protocol, scale=picture.box)
        return detect(self._network, pixels, protocol, size=picture.size, device=CPU)


def resized(picture: Picture) -> NDArray[np.uint8]:
    """Return a picture as large as the network sees it, RGB [h, w, 3]."""
    return resize_keep_ratio(decode_image(read_bytes(picture.path), picture.path), picture.box)
