"""The neck of the HRNet detectors: a feature pyramid made from one high-resolution map.

Sun et al., "High-Resolution Representations for Labeling Pixels and Regions", arXiv:1904.04514.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/necks/hrfpn.py, HRFPN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BiasedConv, resize

NUM_LEVELS = 5


class HRFPN(nn.Module):
    """Bring all branches to the finest size, mix them with 1x1, pool the mix to five levels."""

    def __init__(self, in_channels: Sequence[int], out_channels: int, stride: int = 1) -> None:
        """Build the neck with random weights.

        Args:
            in_channels: of the backbone's maps, finest first.
            out_channels: of every level.
            stride: of the last convolution: levels begin at stride 4 x this.
        """
        super().__init__()
        self.reduction_conv = BiasedConv(sum(in_channels), out_channels, 1, relu=False)
        self.fpn_convs = nn.ModuleList(
            BiasedConv(out_channels, out_channels, 3, stride, relu=False) for _ in range(NUM_LEVELS)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map the backbone's maps to five of ``out_channels``, each half the size of the last."""
        size = (maps[0].shape[-2], maps[0].shape[-1])
        levels = [self.reduction_conv(torch.cat([resize(m, size) for m in maps], dim=1))]
        # Upstream pools every level from the first; a mean of equal means is the same mean.
        for _ in range(NUM_LEVELS - 1):
            levels.append(F.avg_pool2d(levels[-1], kernel_size=2))
        return [conv(level) for conv, level in zip(self.fpn_convs, levels, strict=True)]
