"""The branch of HTC that sees the image as a whole: what is where, stuff included.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/mask_heads/fused_semantic_head.py,
FusedSemanticHead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BiasedConv

STRIDE = 8
"""Pixels of the image per pixel of the feature."""

_LEVEL = 1
_NUM_LEVELS = 5
_DEPTH = 4
_NUM_CLASSES = 183


class SemanticHead(nn.Module):
    """Bring all levels to stride 8, add them up, and look at the sum with four convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            BiasedConv(channels, channels, 1, relu=True) for _ in range(_NUM_LEVELS)
        )
        self.convs = nn.Sequential(
            *(BiasedConv(channels, channels, 3, relu=True) for _ in range(_DEPTH))
        )
        self.conv_embedding = BiasedConv(channels, channels, 1, relu=True)
        # Only training looks at these logits, but the checkpoints hold them.
        self.conv_logits = nn.Conv2d(channels, _NUM_CLASSES, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map the neck's five maps [N, C, H, W] to one feature [N, C, h, w] at stride 8."""
        feature: Tensor = self.conv_embedding(self.convs(self.fused(maps)))
        return feature

    def fused(self, maps: list[Tensor]) -> Tensor:
        """Return the sum of all levels, each at the size of the second and after its 1x1."""
        size = maps[_LEVEL].shape[-2:]
        total: Tensor = self.lateral_convs[_LEVEL](maps[_LEVEL])
        for i, (x, lateral) in enumerate(zip(maps, self.lateral_convs, strict=True)):
            if i != _LEVEL:
                # Not in place: the gradient of the first term's ReLU needs what it gave.
                total = total + lateral(_resized(x, (size[0], size[1])))
        return total


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize so that the corner pixels stay corner pixels: unlike everywhere else."""
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)
