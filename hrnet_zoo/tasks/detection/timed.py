"""The variants of a detection row."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.transforms import resize_keep_ratio
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.folding import folded
from hrnet_zoo.tasks.detection.masks import paste_masks
from hrnet_zoo.tasks.detection.protocol import (
    DetectionProtocol,
    geometry_of,
    padded_input,
    to_image_detections,
)
from hrnet_zoo.timing.agreement import combined, detection_agreement
from hrnet_zoo.timing.graphs import GraphPerShape
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    InPrecision,
    Recipe,
    Variant,
    explained,
    settings_for,
)

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "backbone with torch.compile",
    "cudagraph": "backbone and neck as one CUDA graph",
}


class DetectionBench:
    """A detection row's network, and images resized, normalised and padded as documented.

    Source:
        mmdetection 2.3.0, tools/benchmark.py: timed from copying the prepared image to the device
        to boxes and pasted masks on the host. The numbers of the README are older and count
        loading and coded masks as well.
    """

    def __init__(
        self,
        model: Detector,
        images: Sequence[TimedImage],
        protocol: DetectionProtocol,
        device: torch.device,
    ) -> None:
        self._protocol = protocol
        self._device = device
        self._images = images
        self._inputs, self._geometries = [], []
        for image in images:
            x, geometry = self._prepare(image)
            self._inputs.append(x)
            self._geometries.append(geometry)
        with explained(DOCUMENTED, self.network_input, device):
            moved = copy.deepcopy(model).to(device)
        self._model = moved.to(memory_format=torch.contiguous_format)

    @property
    def window(self) -> tuple[int, int] | None:
        """Return (height, width) of sliding windows, if there are any."""
        return None

    @property
    def first_pass(self) -> Callable[[], object]:
        """Return the documented network's work on the first image."""
        return lambda: self._detect(self._model, self._inputs[0].contiguous(), self._geometries[0])

    @property
    def network_input(self) -> tuple[int, int]:
        """Return (height, width) of the first image, resized and padded."""
        return self._inputs[0].shape[-2], self._inputs[0].shape[-1]

    def variant(self, recipe: Recipe) -> Variant:
        """Make a variant ready; nothing is computed yet."""
        network = fast_detector(self._model, recipe) if recipe.fast else self._model
        layout = torch.channels_last if recipe.fast else torch.contiguous_format
        inputs = [x.contiguous(memory_format=layout) for x in self._inputs]

        def run() -> object:
            with explained(recipe, self.network_input, self._device), torch.inference_mode():
                if recipe.with_loading:
                    return self._load_and_detect(network, self._images[0])
                found = self._detect(network, inputs[0], self._geometries[0])
                return _to_arrays(found, self._images[0].size)

        def agree() -> Agreement:
            with explained(recipe, self.network_input, self._device), torch.inference_mode():
                return combined(
                    [self._agreement(i, network, inputs[i], recipe) for i in range(len(inputs))]
                )

        return Variant(run=run, agree=agree, description=_description(recipe))

    def _prepare(self, image: TimedImage) -> tuple[Tensor, ImageGeometry]:
        resized = resize_keep_ratio(image.pixels, self._protocol.scale)
        geometry = geometry_of((resized.shape[0], resized.shape[1]), image.size)
        return padded_input(resized, self._protocol, _CPU), geometry

    def _detect(self, network: Detector, x: Tensor, geometry: ImageGeometry) -> Detections:
        found: Detections = network(
            x.to(self._device), geometry, score_threshold=self._protocol.score_threshold
        )
        return found

    def _load_and_detect(self, network: Detector, image: TimedImage) -> ImageDetections:
        pixels = decode_image(image.content, Path(image.name))
        loaded = TimedImage(name=image.name, content=image.content, pixels=pixels)
        x, geometry = self._prepare(loaded)
        found = self._detect(network, x.contiguous(), geometry)
        return to_image_detections(found, loaded.size)

    def _agreement(self, i: int, network: Detector, x: Tensor, recipe: Recipe) -> Agreement:
        geometry = self._geometries[i]
        with settings_for(DOCUMENTED)():
            reference = self._detect(self._model, self._inputs[i].contiguous(), geometry)
        with settings_for(recipe)():
            ours = self._detect(network, x, geometry)
        return detection_agreement(_boxes(reference), _boxes(ours))


class _Recorded(nn.Module):
    """A part of a network, recorded for every shape of input."""

    def __init__(self, part: nn.Module, device: torch.device) -> None:
        super().__init__()
        self._maps: GraphPerShape[list[Tensor]] = GraphPerShape(part, device)

    def forward(self, image: Tensor) -> list[Tensor]:
        return self._maps(image)


def fast_detector(model: Detector, recipe: Recipe) -> Detector:
    """Return what a fast variant computes with.

    Args:
        model: in eval mode, on the device; it is left alone.
        recipe: says the engine, and the precision of backbone and neck; heads stay in float32.
    """
    model = folded(model).to(memory_format=torch.channels_last)
    dtype = DTYPES[recipe.precision]
    backbone, neck = model.get_submodule("backbone"), model.get_submodule("neck")
    if recipe.engine == "compile":
        # What follows has as many boxes as there are objects, which compilers do not like.
        backbone.compile(dynamic=False)
    maps: nn.Module = nn.Sequential(backbone, neck)
    if dtype != torch.float32:
        # Boxes would lose whole pixels: only what precedes the heads is computed like that.
        maps = InPrecision(maps, dtype)
    if recipe.engine == "cudagraph":
        # Likewise: graphs are of fixed shape.
        maps = _Recorded(maps, next(model.parameters()).device)
    model.set_submodule("backbone", maps)
    model.set_submodule("neck", nn.Identity())
    return model


def _to_arrays(found: Detections, size: tuple[int, int]) -> list[object]:
    """Return boxes, scores, labels and, of detectors that have them, masks [M, H, W] as arrays."""
    tensors = [found.boxes, found.scores, found.labels]
    if found.masks is not None:
        tensors.append(paste_masks(found.masks, found.boxes, size))
    return [tensor.cpu().numpy() for tensor in tensors]


def _boxes(found: Detections) -> ImageDetections:
    return ImageDetections(
        boxes=found.boxes.cpu().numpy(),
        scores=found.scores.cpu().numpy(),
        labels=found.labels.cpu().numpy(),
    )


def _description(recipe: Recipe) -> str:
    if recipe.with_loading:
        steps = "decode, resize, normalise, copy in, network, boxes and coded masks"
        return f"{steps}; otherwise as documented, one after the other"
    steps = "copy in, network, boxes and pasted masks to arrays"
    if not recipe.fast:
        return f"{steps}; eager, contiguous, BatchNorm not folded, TF32 off"
    how = _HOW[recipe.engine]
    where = "" if recipe.precision in ("fp32", "tf32") else " in backbone and neck"
    return f"{steps}; {how}, channels-last, BatchNorm folded, {recipe.precision}{where}"
