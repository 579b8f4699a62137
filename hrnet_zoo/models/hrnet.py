"""The HRNet backbone: parallel branches at four resolutions that exchange information.

Sun et al., "High-Resolution Representations for Labeling Pixels and Regions", arXiv:1904.04514.
Attribute names are those of the published checkpoints. Nothing here knows about heads or rows.

Source: mmsegmentation 0.20.2, mmseg/models/backbones/hrnet.py, HRNet.
    mmdetection 2.3.0, mmdet/models/backbones/hrnet.py, HRNet, differs in the fusion's upsampling.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.layers import BasicBlock, Bottleneck, conv, conv_norm, norm, resize

_STEM_CHANNELS = 64
_LAYER1_PLANES = 64


Upsampling = Callable[[Tensor, int, tuple[int, int]], Tensor]
"""How the fusion enlarges a coarser map: by a factor, to (height, width)."""


def bilinear(x: Tensor, factor: int, size: tuple[int, int]) -> Tensor:
    """Resize [N, C, h, w] in two steps, as segmentors do upstream: by the factor, then to the size.

    The steps differ where an odd size was halved; in one step, 0.5 % of the pixels would change.
    """
    return resize(resize(x, (x.shape[-2] * factor, x.shape[-1] * factor)), size)


def nearest(x: Tensor, factor: int, size: tuple[int, int]) -> Tensor:  # noqa: ARG001 - as above
    """Repeat every pixel, as detectors do, whose padded inputs have no odd sizes to care for."""
    return F.interpolate(x, size=size, mode="nearest")


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How often each part repeats; the same for all widths of a family."""

    layer1_blocks: int
    """Bottlenecks in layer1."""
    blocks_per_branch: int
    """BasicBlocks in each branch of each module."""
    modules: tuple[int, int, int]
    """High-resolution modules in stages 2, 3 and 4."""


FULL = Depth(layer1_blocks=4, blocks_per_branch=4, modules=(1, 4, 3))
SMALL = Depth(layer1_blocks=2, blocks_per_branch=2, modules=(1, 3, 2))
"""The HRNet authors call this one "small v2"."""


def branch_channels(width: int, num_branches: int = 4) -> list[int]:
    """Return the channels of the branches: every branch has twice those of the one above it."""
    return [width * 2**i for i in range(num_branches)]


class HighResolutionModule(nn.Module):
    """Blocks within each branch, then every branch receives the sum over all branches."""

    def __init__(self, channels: Sequence[int], num_blocks: int, upsampling: Upsampling) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(c) for _ in range(num_blocks))) for c in channels
        )
        self.fuse_layers = nn.ModuleList(
            Fusion(channels, i, upsampling) for i in range(len(channels))
        )

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        """Map the branches' maps, finest first, to fused maps of the same shapes."""
        maps = [blocks(x) for blocks, x in zip(self.branches, branches, strict=True)]
        return [fuse(maps) for fuse in self.fuse_layers]


class Fusion(nn.ModuleList):
    """What one branch receives: relu(sum over all branches of a path from there to here)."""

    def __init__(self, channels: Sequence[int], target: int, upsampling: Upsampling) -> None:
        super().__init__(
            _path(channels, source=source, target=target) for source in range(len(channels))
        )
        self._target = target
        self._upsample = upsampling

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map all branches' maps to one of the shape of ``maps[target]``."""
        size = (maps[self._target].shape[-2], maps[self._target].shape[-1])
        arriving = [
            self._upsample(path(x), 2 ** (source - self._target), size)
            if source > self._target
            else path(x)
            for source, (path, x) in enumerate(zip(self, maps, strict=True))
        ]
        # The first sum is a new tensor: one of its terms may be a map that other branches need.
        total = arriving[0] + arriving[1]
        for x in arriving[2:]:
            total += x
        return F.relu(total, inplace=True)


def _path(channels: Sequence[int], *, source: int, target: int) -> nn.Module:
    """Return the learnt part of the path from branch ``source`` to branch ``target``."""
    if source == target:
        return nn.Identity()
    if source > target:
        return conv_norm(channels[source], channels[target], 1, relu=False)
    # Downwards: stride-2 steps that keep their channels, the last one changes them, without ReLU.
    steps = [
        conv_norm(channels[source], channels[source], 3, 2, relu=True)
        for _ in range(target - source - 1)
    ]
    return nn.Sequential(*steps, conv_norm(channels[source], channels[target], 3, 2, relu=False))


class HRNet(nn.Module):
    """The backbone: stem, layer1, then stages of 2, 3 and 4 branches."""

    def __init__(self, width: int, depth: Depth = FULL, upsampling: Upsampling = bilinear) -> None:
        """Build an HRNet with random weights.

        Args:
            width: channels of the finest branch; the others have 2, 4 and 8 times as many.
            depth: how often blocks and modules repeat.
            upsampling: of coarser maps in the fusion.
        """
        super().__init__()
        entering = _LAYER1_PLANES * Bottleneck.expansion
        self.out_channels = branch_channels(width)
        self.conv1 = conv(3, _STEM_CHANNELS, 3, stride=2)
        self.bn1 = norm(_STEM_CHANNELS)
        self.conv2 = conv(_STEM_CHANNELS, _STEM_CHANNELS, 3, stride=2)
        self.bn2 = norm(_STEM_CHANNELS)
        self.layer1 = nn.Sequential(
            Bottleneck(_STEM_CHANNELS, _LAYER1_PLANES),
            *(Bottleneck(entering, _LAYER1_PLANES) for _ in range(depth.layer1_blocks - 1)),
        )
        same = conv_norm(entering, width, 3, relu=True)
        # Checkpoints nest the strided path of a transition a level deeper.
        strided = nn.Sequential(conv_norm(entering, 2 * width, 3, 2, relu=True))
        self.transition1 = nn.ModuleList([same, strided])
        self.stage2 = _stage(width, 2, depth, upsampling)
        self.transition2 = _next_transition(width, 2)
        self.stage3 = _stage(width, 3, depth, upsampling)
        self.transition3 = _next_transition(width, 3)
        self.stage4 = _stage(width, 4, depth, upsampling)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Map [N, 3, H, W] to four maps [N, C_i, H_i, W_i] at strides 4, 8, 16 and 32.

        Args:
            image: float32, normalised. Any size: each stride-2 step rounds the size up.
        """
        x = F.relu(self.bn1(self.conv1(image)), inplace=True)
        x = F.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.layer1(x)
        maps: list[Tensor] = self.stage2([path(x) for path in self.transition1])
        maps = self.stage3(_add_branch(self.transition2, maps))
        maps = self.stage4(_add_branch(self.transition3, maps))
        return maps


def _stage(width: int, num_branches: int, depth: Depth, upsampling: Upsampling) -> nn.Sequential:
    channels, blocks = branch_channels(width, num_branches), depth.blocks_per_branch
    modules = range(depth.modules[num_branches - 2])
    return nn.Sequential(*(HighResolutionModule(channels, blocks, upsampling) for _ in modules))


def _next_transition(width: int, num_branches: int) -> nn.ModuleList:
    """Keep all branches and derive a new one, at half the resolution, from the coarsest."""
    *_, coarsest, added = branch_channels(width, num_branches + 1)
    kept = [nn.Identity() for _ in range(num_branches)]
    return nn.ModuleList([*kept, nn.Sequential(conv_norm(coarsest, added, 3, 2, relu=True))])


def _add_branch(transition: nn.ModuleList, maps: list[Tensor]) -> list[Tensor]:
    return [path(x) for path, x in zip(transition, [*maps, maps[-1]], strict=True)]


_BACKBONE_NAME = re.compile(r"w(?P<width>[1-9]\d*)(?P<small>_small)?")


def build_hrnet(name: str, upsampling: Upsampling = bilinear) -> HRNet:
    """Return the backbone called ``name``, untrained.

    Args:
        name: "w18", "w32", "w40", "w48" or any other width, with "_small" for the shallow family.
        upsampling: of coarser maps in the fusion.

    Raises:
        ValueError: the name has another form.
    """
    match = _BACKBONE_NAME.fullmatch(name)
    if match is None:
        msg = f'backbone {name!r} must look like "w18" or "w18_small"'
        raise ValueError(msg)
    return HRNet(int(match["width"]), SMALL if match["small"] else FULL, upsampling)
