"""The variants of a detection row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.transforms import keep_ratio_size, resize_keep_ratio
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.necks import HRFPN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.detection.masks import paste_masks
from hrnet_zoo.tasks.detection.protocol import (
    DetectionProtocol,
    geometry_of,
    padded_input,
    to_image_detections,
)
from hrnet_zoo.timing.agreement import detection_agreement
from hrnet_zoo.timing.compiling import compiled
from hrnet_zoo.timing.engines import OpenVinoPart
from hrnet_zoo.timing.graphs import GraphPerShape
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.transfers import Download
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DOCUMENTED_LOADING,
    DTYPES,
    Computation,
    Recipe,
    Timeable,
    TimedNetwork,
)

DETECTION_TIMING = Timeable(
    networks="detectors",
    documented=(DOCUMENTED, DOCUMENTED_LOADING),
    exportable=("openvino",),
    batches=False,
    # A detection can fall out of a full list because its neighbour's score crossed its own.
    min_agreement=0.99,
)

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "backbone with torch.compile",
    "cudagraph": "backbone and neck as one CUDA graph",
    "openvino": "backbone and neck in OpenVINO",
}


class TimedDetector(TimedNetwork[Detector, ImageDetections]):
    """A detection row's network, and images resized, normalised and padded as documented.

    Source:
        mmdetection 2.3.0, tools/benchmark.py: timed from copying the prepared image to the device
        to boxes and pasted masks on the host. The numbers of the README are older and count
        loading and coded masks as well. mmdet/datasets/builder.py, build_dataloader: pins nothing.
    """

    loader_pins = False
    _protocol: DetectionProtocol

    def input_of(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return an image resized, normalised and padded."""
        return padded_input(resize_keep_ratio(pixels, self._protocol.scale), self._protocol, _CPU)

    @staticmethod
    def convolutional(model: Detector) -> tuple[nn.Module, Callable[[Tensor], object]]:
        """Return backbone and neck, in which detectors spend most of their time."""
        maps = nn.Sequential(model.backbone, model.neck)
        return maps, maps

    @staticmethod
    def fast(model: Detector, recipe: Recipe) -> Detector:
        """Return a detector whose heads stay in float32; see `TimedNetwork`."""
        model = folded(model).to(memory_format=recipe.layout)
        dtype = DTYPES[recipe.precision]
        # What follows has as many boxes as there are objects, which compilers do not like.
        backbone = _Compiled(model.backbone) if recipe.engine == "compile" else model.backbone
        maps: nn.Module = nn.Sequential(backbone, model.neck)
        if dtype != torch.float32:
            # Boxes would lose whole pixels: only what precedes the heads is computed like that.
            maps = _InPrecision(maps, dtype)
        if recipe.engine == "cudagraph":
            # Likewise: graphs are of fixed shape.
            maps = _Recorded(maps, next(model.parameters()).device)
        if recipe.engine == "openvino":
            maps = _Exported(maps, model.neck)
        model.backbone, model.neck = maps, nn.Identity()
        return model

    def maps_and_answer(self, recipe: Recipe, i: int) -> tuple[list[Tensor], ImageDetections]:
        """Return the neck's maps, and what is detected, without masks."""
        network: Detector = self.made(recipe)
        maps: list[Tensor] = []
        hook = network.neck.register_forward_hook(lambda _neck, _inputs, found: maps.extend(found))
        try:
            return maps, self._answer(network, recipe, i)
        finally:
            hook.remove()

    def computation(self, recipe: Recipe) -> Computation[ImageDetections]:
        """Return how a recipe computes; the answer is without masks."""
        network = self.made(recipe) if recipe.fast else self._model
        first = self.batch(0, recipe)
        geometry = self._geometry(self._images[0])
        download = Download(self._device, pinned=recipe.fast)

        def run() -> object:
            if recipe.with_loading:
                return self._load_and_detect(network, self._images[0], geometry)
            found = self._detect(network, first, geometry)
            return download(*_tensors(found, self._images[0].size))

        return Computation(
            run=run,
            answer=lambda i: self._answer(network, recipe, i),
            description=_description(recipe),
        )

    def agreement(self, reference: ImageDetections, ours: ImageDetections) -> Agreement:
        """Compare what is found in one image."""
        return detection_agreement(reference, ours)

    def _answer(self, network: Detector, recipe: Recipe, i: int) -> ImageDetections:
        image = self._images[i]
        found = self._detect(network, self.batch(i, recipe), self._geometry(image))
        return to_image_detections(replace(found, masks=None), image.size)

    def _geometry(self, image: TimedImage) -> ImageGeometry:
        height, width = image.size
        new_width, new_height = keep_ratio_size((width, height), self._protocol.scale)
        return geometry_of((new_height, new_width), image.size)

    def _detect(self, network: Detector, x: Tensor, geometry: ImageGeometry) -> Detections:
        found: Detections = network(
            x.to(self._device, non_blocking=True),
            geometry,
            score_threshold=self._protocol.score_threshold,
        )
        return found

    def _load_and_detect(
        self, network: Detector, image: TimedImage, geometry: ImageGeometry
    ) -> ImageDetections:
        x = self.input_of(decode_image(image.content, Path(image.name)))
        found = self._detect(network, x.contiguous(), geometry)
        return to_image_detections(found, image.size)


class _Compiled(nn.Module):
    """A part of a network, compiled for every shape of input."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self._part = part
        self._maps = compiled(part.forward)

    def forward(self, image: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self._maps(image)
        return maps


class _Exported(nn.Module):
    """Backbone and neck in OpenVINO."""

    def __init__(self, part: nn.Module, neck: nn.Module) -> None:
        super().__init__()
        self._maps = OpenVinoPart(part)
        # What the neck says of images that are too thin is Python, which is not exported.
        self._require_room = neck.require_room if isinstance(neck, HRFPN) else None

    def forward(self, image: Tensor) -> list[Tensor]:
        if self._require_room is not None:
            self._require_room((-(-image.shape[-2] // 4), -(-image.shape[-1] // 4)))
        maps: list[Tensor] = self._maps(image)
        return maps


class _Recorded(nn.Module):
    """A part of a network, recorded for every shape of input."""

    def __init__(self, part: nn.Module, device: torch.device) -> None:
        super().__init__()
        self._maps: GraphPerShape[list[Tensor]] = GraphPerShape(part, device)

    def forward(self, image: Tensor) -> list[Tensor]:
        return self._maps(image)


class _InPrecision(nn.Module):
    """A part of a network that computes in another precision and hands on float32 maps."""

    def __init__(self, part: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self._part = part.to(dtype)
        self._dtype = dtype

    def forward(self, image: Tensor) -> list[Tensor]:
        return [m.to(torch.float32) for m in self._part(image.to(self._dtype))]


def _tensors(found: Detections, size: tuple[int, int]) -> list[Tensor]:
    """Return boxes, scores, labels and, of detectors that have them, masks [M, H, W]."""
    tensors = [found.boxes, found.scores, found.labels]
    if found.masks is not None:
        tensors.append(paste_masks(found.masks, found.boxes, size))
    return tensors


def _description(recipe: Recipe) -> str:
    if recipe.with_loading:
        steps = "decode, resize, normalise, copy in, network, boxes and coded masks"
        return f"{steps}; otherwise as documented, one after the other"
    steps = "copy in, network, boxes and pasted masks to arrays"
    where = " in backbone and neck" if recipe.precision in ("bf16", "fp16") else ""
    return f"{steps}; {recipe.how(_HOW)}{where}"
