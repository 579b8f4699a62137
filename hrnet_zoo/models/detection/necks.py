"""The necks of detectors: feature pyramids of five levels of one width.

Sun et al., "High-Resolution Representations for Labeling Pixels and Regions", arXiv:1904.04514; Lin
et al., "Feature Pyramid Networks for Object Detection", arXiv:1612.03144. Attribute names are those
of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/necks/hrfpn.py, HRFPN, and fpn.py, FPN.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.errors import DatasetError
from hrnet_zoo.models.layers import biased_conv, resize

NUM_LEVELS = 5


class HRFPN(nn.Module):
    """HRNet's: bring all branches to the finest size, mix with 1x1, pool to five levels."""

    def __init__(self, in_channels: Sequence[int], out_channels: int, stride: int = 1) -> None:
        """Build the neck with random weights.

        Args:
            in_channels: of the backbone's maps, finest first.
            out_channels: of every level.
            stride: of the last convolution: levels begin at stride 4 x this.
        """
        super().__init__()
        self.reduction_conv = biased_conv(sum(in_channels), out_channels, 1, relu=False)
        self.fpn_convs = nn.ModuleList(
            biased_conv(out_channels, out_channels, 3, stride, relu=False)
            for _ in range(NUM_LEVELS)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map the backbone's maps to five of ``out_channels``, each half the size of the last.

        Raises:
            DatasetError: the image is so thin that the coarsest map would have no pixels.
        """
        size = (maps[0].shape[-2], maps[0].shape[-1])
        self.require_room(size)
        levels = [self.reduction_conv(torch.cat([resize(m, size) for m in maps], dim=1))]
        # Upstream pools every level from the first; a mean of equal means is the same mean.
        for _ in range(NUM_LEVELS - 1):
            levels.append(F.avg_pool2d(levels[-1], kernel_size=2))
        return [conv(level) for conv, level in zip(self.fpn_convs, levels, strict=True)]

    @staticmethod
    def require_room(size: tuple[int, int]) -> None:
        """Require that all levels have pixels.

        Args:
            size: (height, width) of the finest map.

        Raises:
            DatasetError: the coarsest would have none.
        """
        if min(size) < 2 ** (NUM_LEVELS - 1):
            msg = (
                f"An image that is resized to {4 * size[1]} x {4 * size[0]} pixels is too thin for "
                "this detector: 64 is the least. Upstream cannot evaluate it either."
            )
            raise DatasetError(msg)


class FPN(nn.Module):
    """Bring all maps to the same channels, add each to the finer ones, and thin out a fifth."""

    def __init__(self, in_channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            biased_conv(channels, out_channels, 1, relu=False) for channels in in_channels
        )
        self.fpn_convs = nn.ModuleList(
            biased_conv(out_channels, out_channels, 3, relu=False) for _ in in_channels
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Map the backbone's four maps, finest first, to five of ``out_channels``."""
        laterals = [conv(x) for conv, x in zip(self.lateral_convs, maps, strict=True)]
        for i in range(len(laterals) - 1, 0, -1):
            size = laterals[i - 1].shape[-2:]
            laterals[i - 1] += F.interpolate(laterals[i], size=size, mode="nearest")
        levels = [conv(x) for conv, x in zip(self.fpn_convs, laterals, strict=True)]
        return [*levels, levels[-1][..., ::2, ::2]]
