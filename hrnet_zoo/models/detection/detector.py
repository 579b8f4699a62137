"""What every detector takes and gives."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class ImageGeometry:
    """How a network's input came from its image: resized, then padded right and below."""

    size: tuple[int, int]
    """(height, width) of the resized image, without the padding; boxes are clipped to it."""
    scale_factors: tuple[float, float]
    """(x, y): resized width / original width, and likewise for heights. They differ slightly."""


@dataclass(frozen=True, kw_only=True)
class Detections:
    """What a detector found in one image, highest score first."""

    boxes: Tensor
    """[M, 4] float32, xyxy in pixels of the original image, not clipped to it again."""
    scores: Tensor
    """[M] float32."""
    labels: Tensor
    """[M] int64, 0 to K - 1."""
    masks: Tensor | None = None
    """[M, 28, 28] float32: probability that a cell of the box shows the object; None without."""


class Detector(nn.Module):
    """A network from image to detections; batch 1, as the documented numbers were measured."""

    backbone: nn.Module
    """Maps an image to four maps."""
    neck: nn.Module
    """Maps these to five maps of one width, from which the heads begin."""
    has_masks: bool = False

    def forward(
        self,
        image: Tensor,
        geometry: ImageGeometry,
        *,
        score_threshold: float,
        with_masks: bool = True,
    ) -> Detections:
        """Detect objects.

        Args:
            image: [1, 3, H, W] float32, normalised, padded.
            geometry: where in it the resized image is.
            score_threshold: detections at or below it are dropped.
            with_masks: whether a detector that has masks computes them.

        Raises:
            CheckpointError: the network's outputs are not numbers.
        """
        return self.detections(
            self.dense(image), geometry, score_threshold=score_threshold, with_masks=with_masks
        )

    @abstractmethod
    def dense(self, image: Tensor) -> Any:
        """Compute all whose shape no value decides, up to the candidates for a first selection.

        Args:
            image: as for `forward`.

        Returns:
            What `detections` takes: tensors, however nested.
        """

    @abstractmethod
    def detections(
        self, dense: Any, geometry: ImageGeometry, *, score_threshold: float, with_masks: bool
    ) -> Detections:
        """Select, suppress and refine what `dense` returned; arguments are those of `forward`."""

    @abstractmethod
    def run_all_parts(self, image: Tensor) -> object:
        """Compute all that detecting computes, but for what depends on values.

        That is selecting and suppressing boxes, so it also runs where tensors have none. There are
        as many regions and objects as there can be at most.

        Args:
            image: [1, 3, H, W] float32, on the model's device.
        """
