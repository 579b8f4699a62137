"""The variants of a segmentation row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.layers import resize
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, slide
from hrnet_zoo.timing.agreement import combined, label_agreement
from hrnet_zoo.timing.engines import EXPORT_ENGINES, exported_network
from hrnet_zoo.timing.graphs import CudaGraph, PerShape
from hrnet_zoo.timing.inputs import TimedImage
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.variants import (
    DOCUMENTED,
    DTYPES,
    Computation,
    Recipe,
    Timeable,
    TimedNetwork,
)

SEGMENTATION_TIMING = Timeable(
    networks="segmentors",
    documented=(DOCUMENTED,),
    exportable=True,
    batches=True,
    counted="labels",
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
}


class TimedSegmentor(TimedNetwork[Segmentor, Tensor]):
    """A segmentation row's network, and images resized and normalised as documented.

    Source:
        mmsegmentation 0.20.2, tools/benchmark.py: timed from copying the prepared image to the
        device to labels on the host, with both resizes and softmax; decoding, resizing and
        normalising are not.
    """

    def __init__(
        self,
        model: Segmentor,
        images: Sequence[TimedImage],
        protocol: SegmentationProtocol,
        device: torch.device,
    ) -> None:
        self._protocol = protocol
        self._sizes = [image.size for image in images]
        resized = (resize_keep_ratio(image.pixels, protocol.scale) for image in images)
        inputs = [to_network_input(pixels, protocol.normalisation, _CPU) for pixels in resized]
        super().__init__(model, inputs, device)

    @property
    def window(self) -> tuple[int, int] | None:
        """Return (height, width) of sliding windows, if there are any."""
        return self._protocol.window

    def computation(self, recipe: Recipe) -> Computation[Tensor]:
        """Return how a recipe computes; the answer is the logits [N, K, height, width]."""
        network = fast_segmentor(self._model, recipe) if recipe.fast else self._model.coarse_logits
        answer: Answer = partial(self._answer, network, recipe)
        if recipe.engine == "cudagraph":
            answer = self._recorded(answer)
        first = self._batch(0, recipe)
        return Computation(
            run=lambda: answer(first, self._sizes[0])[1].cpu().numpy(),
            answer=lambda i: answer(self._batch(i, recipe), self._sizes[i])[0],
            description=_description(recipe),
        )

    def agreement(self, reference: Tensor, ours: Tensor) -> Agreement:
        """Compare every image of a batch with what the documented way says of it alone."""
        return combined([label_agreement(reference, one) for one in torch.split(ours, 1)])

    def _batch(self, i: int, recipe: Recipe) -> Tensor:
        """Return an image as often as the recipe wants, in the layout that suits it."""
        copies = self._inputs[i].expand(recipe.batch, -1, -1, -1)
        return copies.contiguous(memory_format=_layout(recipe))

    def _recorded(self, answer: Answer) -> Answer:
        """Return an answer that is recorded once per shape of input and size of image.

        A recording gives logits and labels: what agreement compares is what is timed.
        """
        per_size: dict[tuple[int, int], PerShape[tuple[Tensor, Tensor]]] = {}

        def recorded(x: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
            if size not in per_size:
                per_size[size] = PerShape(
                    lambda example: CudaGraph(
                        lambda given: answer(given, size), example, self._device
                    )
                )
            return per_size[size](x)

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
        # On a CPU, windows that share a batch were 2 to 6 % slower.
        batched = recipe.fast and self._device.type != "cpu"
        return resize(slide(enlarged, x, window=window, stride=stride, batched=batched), size)


def fast_segmentor(model: Segmentor, recipe: Recipe) -> Network:
    """Return what a fast variant computes with: from float32 [N, 3, h, w] to coarse logits.

    Args:
        model: in eval mode, on the device; it is left alone.
        recipe: says the engine, and the precision within; logits are float32 again.
    """
    model = folded(model)
    if recipe.engine in EXPORT_ENGINES:
        return exported_network(model, recipe.engine, recipe.precision)
    dtype = DTYPES[recipe.precision]
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
