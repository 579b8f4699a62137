"""The ordinary feature pyramid, which the ResNeXt row has.

Lin et al., "Feature Pyramid Networks for Object Detection", arXiv:1612.03144.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/necks/fpn.py, FPN.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BiasedConv


class FPN(nn.Module):
    """Bring all maps to the same channels, add each to the finer ones, and thin out a fifth."""

    def __init__(self, in_channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            BiasedConv(channels, out_channels, 1, relu=False) for channels in in_channels
        )
        self.fpn_convs = nn.ModuleList(
            BiasedConv(out_channels, out_channels, 3, relu=False) for _ in in_channels
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map the backbone's four maps, finest first, to five of ``out_channels``."""
        laterals = [conv(x) for conv, x in zip(self.lateral_convs, maps, strict=True)]
        for i in range(len(laterals) - 1, 0, -1):
            size = laterals[i - 1].shape[-2:]
            laterals[i - 1] += F.interpolate(laterals[i], size=size, mode="nearest")
        levels = [conv(x) for conv, x in zip(self.fpn_convs, laterals, strict=True)]
        return [*levels, levels[-1][..., ::2, ::2]]
