"""The head that draws the mask of a detected object, 28 x 28 cells over its box.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/mask_heads/fcn_mask_head.py, FCNMaskHead, and
htc_mask_head.py, HTCMaskHead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BiasedConv

_DEPTH = 4


class MaskHead(nn.Module):
    """Four convolutions, one that doubles the size, and a 1x1 classifier."""

    def __init__(self, channels: int, num_classes: int, *, adds_previous: bool = False) -> None:
        """Build the head with random weights.

        Args:
            channels: of the features.
            num_classes: foreground classes.
            adds_previous: whether it also sees what the stage before made of the objects.
        """
        super().__init__()
        self.convs = nn.Sequential(
            *(BiasedConv(channels, channels, 3, relu=True) for _ in range(_DEPTH))
        )
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.conv_logits = nn.Conv2d(channels, num_classes, 1)
        self.conv_res = BiasedConv(channels, channels, 1, relu=True) if adds_previous else None

    def trunk(self, features: Tensor, previous: Tensor | None = None) -> Tensor:
        """Return what the convolutions make of the objects, for `classify` and the next stage.

        Args:
            features: [M, C, 14, 14].
            previous: [M, C, 14, 14], the trunk of the stage before, if there is one.
        """
        if previous is not None and self.conv_res is not None:
            features = features + self.conv_res(previous)
        made: Tensor = self.convs(features)
        return made

    def classify(self, trunk: Tensor, labels: Tensor) -> Tensor:
        """Map what the convolutions made, [M, C, 14, 14], to logits [M, 28, 28].

        Only the map of each object's class is computed: one of 80.
        """
        x = F.relu(self.upsample(trunk), inplace=True)
        weights = self.conv_logits.weight[labels].flatten(2).transpose(1, 2)
        assert self.conv_logits.bias is not None
        logits = weights @ x.flatten(2) + self.conv_logits.bias[labels, None, None]
        return logits.reshape(-1, *x.shape[-2:])
