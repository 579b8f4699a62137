"""The variants of a segmentation row."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.layers import resize
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, slide
from hrnet_zoo.timing.agreement import label_agreement
from hrnet_zoo.timing.engines import EXPORT_ENGINES, exported_network
from hrnet_zoo.timing.graphs import GraphPerShape
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.transfers import Download
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    Computation,
    Recipe,
    Timeable,
    TimedNetwork,
    in_precision,
)

SEGMENTATION_TIMING = Timeable(
    networks="segmentors",
    documented=(DOCUMENTED,),
    exportable=tuple(EXPORT_ENGINES),
    batches=True,
    # Other orders of summation move logits by about 1e-5 of their range, which flips far fewer.
    min_agreement=0.9999,
)

Answer = Callable[[Tensor, tuple[int, int]], tuple[Tensor, Tensor]]
"""Maps a batch [N, 3, h, w] and its images' own (height, width) to their logits and labels."""

_CPU = torch.device("cpu")
_HOW: dict[Engine, str] = {
    "torch": "eager",
    "compile": "torch.compile",
    "cudagraph": "one CUDA graph from network to argmax",
    **{engine: f"network in {export.title}" for engine, export in EXPORT_ENGINES.items()},
}


class TimedSegmentor(TimedNetwork[Segmentor, Tensor]):
    """A segmentation row's network, and images resized and normalised as documented.

    Source:
        mmsegmentation 0.20.2, tools/benchmark.py: timed from copying the prepared image to the
        device to labels on the host, with both resizes and softmax; decoding, resizing and
        normalising are not.
    """

    _protocol: SegmentationProtocol

    def input_of(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return an image resized and normalised."""
        resized = resize_keep_ratio(pixels, self._protocol.scale)
        return to_network_input(resized, self._protocol.normalisation, _CPU)

    @staticmethod
    def convolutional(model: Segmentor) -> tuple[nn.Module, Network]:
        """Return all of a network."""
        return model, model.coarse_logits

    @staticmethod
    def fast(model: Segmentor, recipe: Recipe) -> Network:
        """Return what maps float32 [N, 3, h, w] to coarse logits; see `TimedNetwork`."""
        model = folded(model)
        if recipe.engine in EXPORT_ENGINES:
            return exported_network(model, recipe.engine, recipe.precision)
        model = model.to(memory_format=recipe.layout).to(DTYPES[recipe.precision])
        return in_precision(model.coarse_logits, recipe)

    def maps_and_answer(self, recipe: Recipe, i: int) -> tuple[list[Tensor], Tensor]:
        """Return the coarse logits, of each window if there are any, and those of the image."""
        network: Network = self.made(recipe)
        maps: list[Tensor] = []

        def kept(x: Tensor) -> Tensor:
            maps.append(network(x))
            return maps[-1]

        return maps, self._scores(kept, self.batch(i, recipe), self._images[i].size, recipe)

    @property
    def window(self) -> tuple[int, int] | None:
        """Return (height, width) of sliding windows, if there are any."""
        return self._protocol.window

    def computation(self, recipe: Recipe) -> Computation[Tensor]:
        """Return how a recipe computes; the answer is the logits [N, K, height, width]."""
        network = self.made(recipe) if recipe.fast else self._model.coarse_logits
        answer: Answer = partial(self._answer, network, recipe)
        if recipe.engine == "cudagraph":
            # Logits and labels are recorded: what agreement compares is what is timed.
            answer = GraphPerShape(answer, self._device)
        first = self.batch(0, recipe)
        softmax, how = "" if recipe.fast else "softmax, ", recipe.how(_HOW)
        download = Download(self._device, pinned=recipe.fast)
        return Computation(
            run=lambda: download(answer(first, self._images[0].size)[1])[0],
            answer=lambda i: answer(self.batch(i, recipe), self._images[i].size)[0],
            description=f"copy in, network, both resizes, {softmax}argmax, copy out; {how}",
        )

    def agreement(self, reference: Tensor, ours: Tensor) -> Agreement:
        """Compare every image of a batch with what the documented way says of it alone."""
        return label_agreement(reference, ours)

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

        x = x.to(self._device, non_blocking=True)
        window, stride = self._protocol.window, self._protocol.stride
        if window is None or stride is None:
            return resize(enlarged(x), size)
        # On a CPU, windows that share a batch were 2 to 6 % slower.
        batched = recipe.fast and self._device.type != "cpu"
        return resize(slide(enlarged, x, window=window, stride=stride, batched=batched), size)
