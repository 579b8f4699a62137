"""hrnet-zoo, driven the way its own commands drive it."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.detections import ImageDetections
from hrnet_zoo.inference.masks import encode_masks
from hrnet_zoo.loading import load_model
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.folding import folded
from parity_detection.inputs import Picture, reading, row

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
        self._reading = reading(name)
        checkpoint = folder / f"{name}.pth"
        torch.save({"meta": {}, "state_dict": weights}, checkpoint)
        model = folded(load_model(row(name), checkpoint, CPU).model)
        assert isinstance(model, Detector)
        self.model = model

    def predict(self, picture: Picture) -> ImageDetections:
        """Return what is found in a picture."""
        found = self.detect(*self.network_input(picture))
        coded = None
        if found.masks is not None:
            coded = encode_masks(found.masks, found.boxes, picture.size)
        return ImageDetections(
            boxes=found.boxes.numpy(),
            scores=found.scores.numpy(),
            labels=found.labels.numpy(),
            masks=coded,
        )

    def network_input(self, picture: Picture) -> tuple[Tensor, ImageGeometry]:
        """Return a picture as the network sees it, [1, 3, H, W], and where it came from."""
        pixels = decode_image(read_bytes(picture.path), picture.path)
        resized = resize_keep_ratio(pixels, picture.box)
        x = to_network_input(resized, self._reading.normalisation, CPU)
        height, width = resized.shape[:2]
        divisor = self._reading.test.size_divisor
        x = F.pad(x, (0, -width % divisor, 0, -height % divisor))
        factors = (width / pixels.shape[1], height / pixels.shape[0])
        geometry = ImageGeometry(size=(height, width), scale_factors=factors)
        return x.contiguous(memory_format=torch.channels_last), geometry

    @torch.inference_mode()
    def detect(self, image: Tensor, geometry: ImageGeometry) -> Detections:
        """Run the network and its post-processing on a `network_input`."""
        threshold = self._reading.test.score_threshold
        found: Detections = self.model(image, geometry, score_threshold=threshold)
        return found
