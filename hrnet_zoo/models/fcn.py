"""The FCN head on HRNet, and the segmentor made of both.

Attribute names are those of the published checkpoints.

Source: mmsegmentation 0.20.2, mmseg/models/decode_heads/fcn_head.py, FCNHead, as set by
configs/_base_/models/fcn_hr18.py: one 1x1 convolution, no dropout, no auxiliary head.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hrnet_zoo.models.hrnet import HRNet, build_hrnet
from hrnet_zoo.models.layers import conv_norm_act, resize
from hrnet_zoo.models.segmentor import Segmentor


class FCNHead(nn.Module):
    """Bring all branches to the finest size, concatenate, mix with 1x1, classify with 1x1."""

    def __init__(self, in_channels: Sequence[int], num_classes: int) -> None:
        super().__init__()
        channels = sum(in_channels)
        self.conv_seg = nn.Conv2d(channels, num_classes, 1)
        self.convs = nn.Sequential(conv_norm_act(channels, channels, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map the backbone's maps to logits [N, K, H/4, W/4]."""
        size = (maps[0].shape[-2], maps[0].shape[-1])
        x = torch.cat([resize(m, size) for m in maps], dim=1)
        logits: Tensor = self.conv_seg(self.convs(x))
        return logits


class FCN(Segmentor):
    """HRNet with the FCN head."""

    def __init__(self, backbone: HRNet, num_classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.decode_head = FCNHead(backbone.out_channels, num_classes)

    def coarse_logits(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] to the logits before they are enlarged, [N, K, H/4, W/4]."""
        logits: Tensor = self.decode_head(self.backbone(image))
        return logits

    @property
    def classifier(self) -> nn.Conv2d:
        """The last convolution, which makes the coarse logits."""
        return self.decode_head.conv_seg


def build_fcn(backbone: str, num_classes: int) -> FCN:
    """Return an untrained FCN on the HRNet called ``backbone`` ("w18_small", "w48" ...)."""
    return FCN(build_hrnet(backbone), num_classes)
