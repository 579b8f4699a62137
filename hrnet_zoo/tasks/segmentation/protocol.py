"""The test protocols of semantic segmentation: whole, slide, multi-scale and flip.

It knows models only as functions from images to logits, and nothing of data sets or rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import Pixels, Resize, resize_keep_ratio, to_network_input
from hrnet_zoo.errors import UsageError
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.layers import resize
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.input_image import checked
from hrnet_zoo.tasks.metric import SINGLE
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.tasks.segmentation.metrics import MS_FLIP
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS, SegmentationSetup, SlideTest

Network = Callable[[Tensor], Tensor]
"""Maps [N, 3, h, w] to logits [N, K, ...] of that size or smaller; they are then enlarged to it."""


@dataclass(frozen=True, kw_only=True)
class SegmentationProtocol:
    """Everything that decides what the network sees of an image, and how its outputs combine."""

    scale: tuple[int, int]
    """Box (width, height) of the keep-ratio resize."""
    window: tuple[int, int] | None
    """(height, width) of sliding windows; None: the whole image at once."""
    stride: tuple[int, int] | None
    """(vertical, horizontal) step between windows; None without windows."""
    ratios: tuple[float, ...] = (1.0,)
    """The box is multiplied by each of these in turn."""
    flip: bool = False
    """Whether each size is also seen mirrored."""
    normalisation: Normalisation
    """How pixel values become network input."""
    resize: Resize = resize_keep_ratio
    """Brings an image [H, W, 3] uint8 into a box (width, height)."""

    @classmethod
    def of(
        cls, setup: SegmentationSetup, name: str = SINGLE, *, scale: tuple[int, int] | None = None
    ) -> SegmentationProtocol:
        """Return a row's documented protocol, or the same with another box.

        Raises:
            UsageError: the name is neither "single" nor "ms_flip" of mIoU(ms+flip) columns.
        """
        if name not in (SINGLE, MS_FLIP):
            msg = f'"{name}" is not a protocol; use "{SINGLE}" or "{MS_FLIP}".'
            raise UsageError(msg)
        test = setup.test
        return cls(
            scale=checked(scale or test.scale),
            window=test.crop_size if isinstance(test, SlideTest) else None,
            stride=test.stride if isinstance(test, SlideTest) else None,
            ratios=MS_FLIP_RATIOS if name == MS_FLIP else (1.0,),
            flip=name == MS_FLIP,
            normalisation=setup.normalisation,
        )

    def used(self, name: str) -> ProtocolUsed:
        """Return the protocol in the words of the record, its test as a manifest writes it."""
        test: dict[str, Any] = {"mode": "whole", "scale": list(self.scale)}
        if self.window is not None and self.stride is not None:
            windows = {"crop_size": list(self.window), "stride": list(self.stride)}
            test |= {"mode": "slide", **windows}
        return ProtocolUsed(
            name=name,
            test=test,
            normalisation=self.normalisation,
            ratios=list(self.ratios),
            flip=self.flip,
        )

    @property
    def averages_probabilities(self) -> bool:
        """Whether several passes are averaged, which is done over probabilities."""
        return len(self.ratios) > 1 or self.flip


def evaluated_network(model: Segmentor) -> Network:
    """Return what evaluates fastest with a model's weights: a folded copy, up to coarse logits.

    Enlarging the logits is left to the protocol, which knows the layout it wants them in: softmax
    wants another one than argmax, and coarse logits are cheap to turn over.
    """
    return folded(model).coarse_logits


def resized_images(
    image: NDArray[np.uint8], protocol: SegmentationProtocol
) -> list[NDArray[np.uint8]]:
    """Return the image in every size the protocol asks for, each made from the original.

    Args:
        image: RGB [H, W, 3] uint8.
        protocol: its box times each ratio, truncated to whole pixels, is a size.
    """
    width, height = protocol.scale
    boxes = [(int(width * ratio), int(height * ratio)) for ratio in protocol.ratios]
    return [protocol.resize(image, box) for box in boxes]


@torch.inference_mode()
def class_scores(
    network: Network,
    images: Sequence[Pixels],
    protocol: SegmentationProtocol,
    *,
    size: tuple[int, int],
    device: torch.device,
    batched: bool = False,
) -> Tensor:
    """Return one score per class and pixel; the largest is the prediction.

    A single pass gives logits. Several passes give the mean of their softmax probabilities:
    averaging logits instead would change a quarter of the pixels.

    Args:
        network: in eval mode, on ``device``.
        images: what `resized_images` returned, or the same as tensors on ``device``.
        protocol: the same one.
        size: (height, width) of the original image.
        device: where the network is.
        batched: whether an image and its mirror image, and the windows of both, go through the
            network together.

    Returns:
        [K, height, width] float32 on ``device``.

    Source:
        mmsegmentation 0.20.2, mmseg/models/segmentors/encoder_decoder.py, simple_test and aug_test.
    """
    mean = _Mean(size)
    for image in images:
        x = to_network_input(image, protocol.normalisation, device)
        views = [x, x.flip(3)] if protocol.flip else [x]
        for mirrored, logits in enumerate(_logits(network, views, protocol, batched)):
            if not protocol.averages_probabilities:
                return resize(logits, size)[0]
            mean.add(logits, mirrored=bool(mirrored))
    return mean.result()[0]


class _Mean:
    """The mean of softmax probabilities over passes, some of which saw the image mirrored.

    These are the largest tensors of an evaluation, so they are written over rather than made anew,
    and all mirrored passes are turned back at once.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._passes = 0
        self._sums: dict[bool, Tensor] = {}
        self._resized: Tensor | None = None
        self._probabilities: Tensor | None = None

    def add(self, logits: Tensor, *, mirrored: bool) -> None:
        """Add one pass, logits [1, K, h, w] of any size."""
        self._passes += 1
        resized = self._resize(logits)
        if mirrored not in self._sums:
            self._sums[mirrored] = resized.softmax(dim=1)
            return
        if self._probabilities is None:
            self._probabilities = torch.empty_like(resized)
        self._sums[mirrored] += torch.softmax(resized, dim=1, out=self._probabilities)

    def _resize(self, logits: Tensor) -> Tensor:
        """Return `resize`'s result, in a tensor that the next call writes over."""
        if logits.shape[-2:] == self._size:
            return logits
        if self._resized is None:
            self._resized = logits.new_empty((*logits.shape[:2], *self._size))
        torch.ops.aten.upsample_bilinear2d.out(logits, self._size, False, out=self._resized)
        return self._resized

    def result(self) -> Tensor:
        """Return the mean [1, K, H, W], classes side by side in memory as argmax likes it."""
        total = self._sums[False]
        if True in self._sums:
            total += self._sums[True].flip(3)
        return total.div_(self._passes).contiguous(memory_format=torch.channels_last)


def _logits(
    network: Network, views: list[Tensor], protocol: SegmentationProtocol, batched: bool
) -> Iterator[Tensor]:
    """Yield the logits [1, K, h, w] of each view, all views of one size."""

    def enlarged(x: Tensor) -> Tensor:
        logits = network(x)
        # Softmax and resizing are several times as fast with one plane per class, argmax is with
        # the classes of a pixel side by side. Coarse logits are cheap to turn over.
        logits = logits.contiguous() if protocol.averages_probabilities else logits
        return resize(logits, (x.shape[-2], x.shape[-1]))

    def run(x: Tensor) -> Tensor:
        if protocol.window is None or protocol.stride is None:
            return enlarged(x)
        return slide(enlarged, x, window=protocol.window, stride=protocol.stride, batched=batched)

    if batched:
        yield from torch.split(run(torch.cat(views)), 1)
    else:
        yield from map(run, views)


def slide(
    network: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    window: tuple[int, int],
    stride: tuple[int, int],
    batched: bool = False,
) -> Tensor:
    """Average class logits over overlapping windows.

    The last window in each direction is moved back to end at the border. An image smaller than
    the window in a direction is taken whole in that direction.

    Args:
        network: maps [N, 3, h, w] to logits [N, K, h, w].
        x: [N, 3, H, W] float32.
        window: (height, width).
        stride: (vertical, horizontal).
        batched: whether all windows go through the network at once.

    Returns:
        Logits [N, K, H, W].

    Source:
        mmsegmentation 0.20.2, mmseg/models/segmentors/encoder_decoder.py, slide_inference.
    """
    height, width = x.shape[-2:]
    places = [
        (..., slice(top, bottom), slice(left, right))
        for top, bottom in window_bounds(height, window[0], stride[0])
        for left, right in window_bounds(width, window[1], stride[1])
    ]
    windows = [x[place] for place in places]
    # All windows have one size: those at the border were moved back rather than cut.
    if batched:
        results: Iterable[Tensor] = torch.split(network(torch.cat(windows)), len(x))
    else:
        results = map(network, windows)
    total: Tensor | None = None
    covered = x.new_zeros((1, 1, height, width))
    for place, logits in zip(places, results, strict=True):
        if total is None:
            total = logits.new_zeros((len(x), logits.shape[1], height, width))
        total[place] += logits
        covered[place] += 1
    assert total is not None
    return total / covered


def window_bounds(length: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Return (start, end) of the windows along one axis of ``length`` pixels."""
    steps = max(length - window + stride - 1, 0) // stride + 1
    ends = [min(i * stride + window, length) for i in range(steps)]
    return [(max(end - window, 0), end) for end in ends]
