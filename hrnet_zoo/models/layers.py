"""The small blocks that backbones, necks and heads are made of.

Sums and ReLUs write over fresh tensors that nobody else holds: the same numbers with less traffic
to memory, which is what HRNet's speed on a CPU hangs on. They do so in training, too: autograd
needs none of what is written over, and a step takes the memory that upstream's own models take.

Attribute names (``conv1``, ``bn1``, ``downsample`` ...) are those of the published checkpoints,
so that weights load without renaming. Nothing here knows about whole networks.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

# Upstream sets every BatchNorm to these values; they are also PyTorch's defaults.
_NORM_EPS = 1e-5
_NORM_MOMENTUM = 0.1


def conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size at stride 1."""
    padding = kernel_size // 2
    return nn.Conv2d(
        in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False
    )


def norm(channels: int) -> nn.BatchNorm2d:
    """Return BatchNorm; trained as SyncBN upstream, which is the same thing in eval mode."""
    return nn.BatchNorm2d(channels, eps=_NORM_EPS, momentum=_NORM_MOMENTUM)


def conv_norm(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, relu: bool
) -> nn.Sequential:
    """Return conv, BatchNorm and, if asked, ReLU; keys ``0`` and ``1``."""
    layers = [conv(in_channels, out_channels, kernel_size, stride), norm(out_channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of [N, C, h, w] to (height, width), half-pixel centres; free if equal."""
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def conv_norm_act(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
) -> nn.Sequential:
    """Return conv, BatchNorm and ReLU under their own names, as necks and heads store them."""
    block = {
        "conv": conv(in_channels, out_channels, kernel_size, stride),
        "bn": norm(out_channels),
        "relu": nn.ReLU(inplace=True),
    }
    return nn.Sequential(OrderedDict(block))


def biased_conv(
    in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, *, relu: bool
) -> nn.Sequential:
    """Return conv with bias, key ``conv``, as necks and heads store it; then ReLU if asked."""
    padding = kernel_size // 2
    block = OrderedDict[str, nn.Module]()
    block["conv"] = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding)
    if relu:
        block["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(block)


class BasicBlock(nn.Module):
    """relu(x + F(x)), F = 3x3, BN, ReLU, 3x3, BN; channels and size stay the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv(channels, channels, 3)
        self.bn1 = norm(channels)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = self.bn2(self.conv2(out))
        out += x
        return F.relu(out, inplace=True)


class Bottleneck(nn.Module):
    """relu(shortcut(x) + F(x)), F = 1x1 to width, 3x3, 1x1 to 4 x planes, BN after each."""

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        planes: int,
        *,
        width: int | None = None,
        groups: int = 1,
        stride: int = 1,
    ) -> None:
        """Build a block with random weights.

        Args:
            in_channels: of the map it gets.
            planes: a quarter of the channels it returns.
            width: channels in between; None: ``planes``.
            groups: of the 3x3 convolution.
            stride: of the 3x3 convolution, and of the shortcut if it has one.
        """
        super().__init__()
        width, out_channels = width or planes, planes * self.expansion
        self.conv1 = conv(in_channels, width, 1)
        self.bn1 = norm(width)
        self.conv2 = conv(width, width, 3, stride, groups)
        self.bn2 = norm(width)
        self.conv3 = conv(width, out_channels, 1)
        self.bn3 = norm(out_channels)
        self.downsample = (
            conv_norm(in_channels, out_channels, 1, stride, relu=False)
            if in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, 4 x planes, H / stride, W / stride], rounded up."""
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        out += self.downsample(x)
        return F.relu(out, inplace=True)
