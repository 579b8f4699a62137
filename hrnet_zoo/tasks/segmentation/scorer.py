"""Class scores of images, whose views share a pass through the network while memory suffices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from hrnet_zoo.datasets.transforms import Pixels
from hrnet_zoo.system.devices import is_out_of_memory
from hrnet_zoo.tasks.segmentation.protocol import Network, SegmentationProtocol, class_scores


class Scorer:
    """A network on a device that looks at one image after the other.

    On a GPU, which is idle otherwise, an image, its mirror image and the windows of both go through
    the network together. That is our choice and not the protocol's, so where memory does not
    suffice for it they go through one by one, from then on.
    """

    def __init__(
        self, network: Network, device: torch.device, *, batched: bool | None = None
    ) -> None:
        """Take a network in eval mode, on a device.

        Args:
            network: on ``device``.
            device: where to compute.
            batched: whether views share a pass at first; None: on GPUs. On a CPU it gains nothing.
        """
        self._network, self._device = network, device
        self._batched = device.type != "cpu" if batched is None else batched
        self.remark: str | None = None
        """What a record should say about it."""

    def scores(
        self, images: Sequence[Pixels], protocol: SegmentationProtocol, size: tuple[int, int]
    ) -> Tensor:
        """Return the scores [K, height, width] of an image in all sizes; see `class_scores`."""
        if self._batched and (protocol.flip or protocol.window):
            try:
                return self._scores(images, protocol, size)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            # Only here: the exception's traceback keeps the tensors that filled the memory.
            self._batched = False
            self.remark = (
                f"{self._device} has too little memory for all views of an image of "
                f"{size[1]} x {size[0]} pixels together; from there on they were computed one by "
                "one, which takes longer and changes nothing but rounding"
            )
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
        return self._scores(images, protocol, size)

    def _scores(
        self, images: Sequence[Pixels], protocol: SegmentationProtocol, size: tuple[int, int]
    ) -> Tensor:
        return class_scores(
            self._network,
            images,
            protocol,
            size=size,
            device=self._device,
            batched=self._batched,
        )
