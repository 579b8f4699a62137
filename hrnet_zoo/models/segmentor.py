"""What every segmentor takes and gives."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from hrnet_zoo.models.layers import resize


class Segmentor(nn.Module):
    """A network from an image to class logits of every pixel."""

    def forward(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32, normalised, to logits [N, K, H, W] float32."""
        return resize(self.coarse_logits(image), (image.shape[-2], image.shape[-1]))

    @abstractmethod
    def coarse_logits(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] to the logits before they are enlarged, [N, K, h, w].

        What follows wants them so: softmax likes another memory layout than argmax, and coarse
        logits are cheap to turn over.
        """

    @property
    @abstractmethod
    def classifier(self) -> nn.Conv2d:
        """The last convolution, which makes the coarse logits."""
