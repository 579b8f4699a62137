"""The variants of a segmentation row."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.layers import resize
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, slide
from hrnet_zoo.timing.agreement import combined, label_agreement
from hrnet_zoo.timing.engines import EXPORT_ENGINES
from hrnet_zoo.timing.exported import ExportedNetwork
from hrnet_zoo.timing.graphs import GraphPerShape
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.tensorrt import TensorRTNetwork
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    Recipe,
    Variant,
    explained,
    settings_for,
)

Answer = Callable[[Tensor, tuple[int, int]], tuple[Tensor, Tensor]]
"""Maps a batch [N, 3, h, w] and its images' own (height, width) to their logits and labels."""

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "torch.compile",
    "cudagraph": "one CUDA graph from network to argmax",
}


class SegmentationBench:
    """A segmentation row's network, and images resized and normalised as documented.

    Source:
        mmsegmentation 0.20.2, tools/benchmark.py: timed from copying the prepared image to the
        device to labels on the host, with both resizes and softmax; decoding, resizing and
        normalising are not.
    """

    def __init__(
        self,
        model: FCN,
        images: Sequence[TimedImage],
        protocol: SegmentationProtocol,
        device: torch.device,
    ) -> None:
        self._protocol = protocol
        self._device = device
        self._sizes = [image.size for image in images]
        self._inputs = [
            to_network_input(
                resize_keep_ratio(image.pixels, protocol.scale), protocol.normalisation, _CPU
            )
            for image in images
        ]
        with explained(DOCUMENTED, self.network_input, device):
            moved = copy.deepcopy(model).to(device)
        self._model = moved.to(memory_format=torch.contiguous_format)

    @property
    def network_input(self) -> tuple[int, int]:
        """Return (height, width) of the first image, resized."""
        return self._inputs[0].shape[-2], self._inputs[0].shape[-1]

    @property
    def window(self) -> tuple[int, int] | None:
        """Return (height, width) of sliding windows, if there are any."""
        return self._protocol.window

    @property
    def first_pass(self) -> Callable[[], object]:
        """Return the documented network's work on the first image."""
        x, size = self._inputs[0].contiguous(), self._sizes[0]
        return lambda: self._scores(self._model.coarse_logits, x, size, DOCUMENTED)

    def variant(self, recipe: Recipe) -> Variant:
        """Make a variant ready; nothing is computed yet."""
        answer: Answer = partial(self._answer, self._network(recipe), recipe)
        if recipe.engine == "cudagraph":
            answer = self._recorded(answer)
        batch = self._batch(0, recipe)

        def run() -> NDArray[np.generic]:
            with explained(recipe, self.network_input, self._device), torch.inference_mode():
                _, labels = answer(batch, self._sizes[0])
                return labels.cpu().numpy()

        def agree() -> Agreement:
            with explained(recipe, self.network_input, self._device), torch.inference_mode():
                return combined(
                    [self._agreement(i, answer, recipe) for i in range(len(self._inputs))]
                )

        return Variant(run=run, agree=agree, description=_description(recipe))

    def _batch(self, i: int, recipe: Recipe) -> Tensor:
        """Return an image as often as the recipe wants, in the layout that suits it."""
        copies = self._inputs[i].expand(recipe.batch, -1, -1, -1)
        return copies.contiguous(memory_format=_layout(recipe))

    def _network(self, recipe: Recipe) -> Network:
        return fast_segmentor(self._model, recipe) if recipe.fast else self._model.coarse_logits

    def _recorded(self, answer: Answer) -> Answer:
        """Return an answer that is recorded once per shape of input and size of image."""
        graphs: dict[tuple[int, int], GraphPerShape[tuple[Tensor, Tensor]]] = {}

        def recorded(x: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
            if size not in graphs:
                graphs[size] = GraphPerShape(lambda given: answer(given, size), self._device)
            return graphs[size](x)

        return recorded

    def _answer(
        self, network: Network, recipe: Recipe, x: Tensor, size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Return the logits [N, K, height, width] and the labels [N, height, width]."""
        scores = self._scores(network, x, size, recipe)
        if recipe.fast:
            # Softmax changes no label, and a byte holds every one of them.
            return scores, scores.argmax(dim=1).to(torch.uint8)
        return scores, scores.softmax(dim=1).argmax(dim=1)

    def _scores(self, network: Network, x: Tensor, size: tuple[int, int], recipe: Recipe) -> Tensor:
        """Return the logits [N, K, height, width] at the image's own size."""

        def enlarged(part: Tensor) -> Tensor:
            return resize(network(part), (part.shape[-2], part.shape[-1]))

        x = x.to(self._device)
        window, stride = self._protocol.window, self._protocol.stride
        if window is None or stride is None:
            return resize(enlarged(x), size)
        batched = recipe.fast and self._device.type != "cpu"
        return resize(slide(enlarged, x, window=window, stride=stride, batched=batched), size)

    def _agreement(self, i: int, answer: Answer, recipe: Recipe) -> Agreement:
        """Compare every image of a batch with what the documented way says of it alone."""
        size = self._sizes[i]
        with settings_for(DOCUMENTED)():
            reference = self._scores(
                self._model.coarse_logits, self._batch(i, DOCUMENTED), size, DOCUMENTED
            )
        with settings_for(recipe)():
            scores, _ = answer(self._batch(i, recipe), size)
        return combined([label_agreement(reference, ours) for ours in torch.split(scores, 1)])


def fast_segmentor(model: FCN, recipe: Recipe) -> Network:
    """Return what a fast variant computes with: from float32 [N, 3, h, w] to coarse logits.

    Args:
        model: in eval mode, on the device; it is left alone.
        recipe: says the engine, and the precision within; logits are float32 again.
    """
    dtype = DTYPES[recipe.precision]
    model = folded(model)
    if recipe.engine == "tensorrt":
        return TensorRTNetwork(model, recipe.precision, dtype)
    if recipe.engine in EXPORT_ENGINES:
        return ExportedNetwork(model, recipe.engine)
    model = model.to(memory_format=torch.channels_last).to(dtype)
    coarse: Callable[[Tensor], Tensor] = model.coarse_logits
    if recipe.engine == "compile":
        coarse = torch.compile(coarse, dynamic=False)
    return lambda x: coarse(x.to(dtype)).to(torch.float32)


def _layout(recipe: Recipe) -> torch.memory_format:
    """Return what the network likes best; exported engines choose inside what suits them."""
    if recipe.fast and recipe.engine not in EXPORT_ENGINES:
        return torch.channels_last
    return torch.contiguous_format


def _description(recipe: Recipe) -> str:
    steps = "copy in, network, both resizes, {}argmax, copy out"
    if not recipe.fast:
        return f"{steps.format('softmax, ')}; eager, contiguous, BatchNorm not folded, TF32 off"
    if recipe.engine in EXPORT_ENGINES:
        how = f"network in {EXPORT_ENGINES[recipe.engine].title}"
    else:
        how = f"{_HOW[recipe.engine]}, channels-last"
    return f"{steps.format('')}; {how}, BatchNorm folded, {recipe.precision}"
