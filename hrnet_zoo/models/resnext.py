"""ResNeXt-101 64x4d, the backbone of the one row that is not on HRNet.

Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", arXiv:1611.05431.
Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/backbones/resnext.py, ResNeXt, style pytorch.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import Bottleneck, conv, norm

_STEM_CHANNELS = 64
_GROUPS = 64
_WIDTH_PER_PLANE = 4
"""64 groups of 4 channels where an ordinary block has 64: the "64x4d" of the name."""

_PLANES = (64, 128, 256, 512)


class ResNeXt(nn.Module):
    """The backbone: stem, then four layers of blocks."""

    def __init__(self, blocks: tuple[int, int, int, int]) -> None:
        """Build a ResNeXt with random weights.

        Args:
            blocks: how many each layer has.
        """
        super().__init__()
        self.out_channels = [planes * Bottleneck.expansion for planes in _PLANES]
        self.conv1 = conv(3, _STEM_CHANNELS, 7, stride=2)
        self.bn1 = norm(_STEM_CHANNELS)
        entering = (_STEM_CHANNELS, *self.out_channels)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _layer(entering[i], _PLANES[i], blocks[i], stride=2 if i else 1) for i in range(4)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map [N, 3, H, W] to four maps [N, C_i, H_i, W_i] at strides 4, 8, 16 and 32.

        Args:
            image: float32, normalised. Any size: each stride-2 step rounds the size up.
        """
        x = F.relu(self.bn1(self.conv1(image)), inplace=True)
        x = F.max_pool2d(x, kernel_size=3, stride=2, padding=1)
        maps = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            maps.append(x)
        return maps


def _layer(in_channels: int, planes: int, num_blocks: int, stride: int) -> nn.Sequential:
    block = partial(Bottleneck, planes=planes, width=planes * _WIDTH_PER_PLANE, groups=_GROUPS)
    rest = (block(planes * Bottleneck.expansion) for _ in range(num_blocks - 1))
    return nn.Sequential(block(in_channels, stride=stride), *rest)


_BLOCKS = {"x101_64x4d": (3, 4, 23, 3)}


def build_resnext(name: str) -> ResNeXt:
    """Return the backbone called ``name``, untrained.

    Raises:
        ValueError: it is not "x101_64x4d".
    """
    if name not in _BLOCKS:
        msg = f"backbone {name!r} must be one of: {', '.join(_BLOCKS)}"
        raise ValueError(msg)
    return ResNeXt(_BLOCKS[name])
