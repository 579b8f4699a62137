"""The head that draws the mask of a detected object, 28 x 28 cells over its box.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/mask_heads/fcn_mask_head.py, FCNMaskHead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BiasedConv

_DEPTH = 4


class MaskHead(nn.Module):
    """Four convolutions, one that doubles the size, and a 1x1 classifier."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(
            *(BiasedConv(channels, channels, 3, relu=True) for _ in range(_DEPTH))
        )
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.conv_logits = nn.Conv2d(channels, num_classes, 1)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """Map features [M, C, 14, 14] to the logits [M, 28, 28] of every object's own class."""
        return self.classify(self.convs(features), labels)

    def classify(self, features: Tensor, labels: Tensor) -> Tensor:
        """Map what the convolutions made, [M, C, 14, 14], to logits [M, 28, 28].

        Only the map of each object's class is computed: one of 80.
        """
        x = F.relu(self.upsample(features), inplace=True)
        weights = self.conv_logits.weight[labels].flatten(2).transpose(1, 2)
        assert self.conv_logits.bias is not None
        logits = weights @ x.flatten(2) + self.conv_logits.bias[labels, None, None]
        return logits.reshape(-1, *x.shape[-2:])
