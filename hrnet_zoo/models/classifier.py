"""The HRNet image classifier: backbone, a neck that gathers all scales in one map, linear head.

Wang et al., "Deep High-Resolution Representation Learning for Visual Recognition",
arXiv:1908.07919, appendix A. Attribute names are those of the published checkpoints.

Source: mmclassification 0.25.0, mmcls/models/necks/hr_fuse.py, HRFuseScales, necks/gap.py,
GlobalAveragePooling, and heads/linear_head.py, LinearClsHead, as set by
configs/_base_/models/hrnet/hrnet-w18.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from hrnet_zoo.models.hrnet import HRNet, build_hrnet, nearest
from hrnet_zoo.models.layers import Bottleneck, conv_norm_act

NECK_CHANNELS = (128, 256, 512, 1024, 2048)
"""Of the published networks, whatever the width of the backbone."""


class Classifier(nn.Module, ABC):
    """A network that tells what an image shows."""

    @abstractmethod
    def forward(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32, normalised, to logits [N, K] float32."""


class ScaleGathering(nn.Module):
    """Widen every scale, add each to the next coarser one, and widen the coarsest once more."""

    def __init__(self, in_channels: Sequence[int], out_channels: Sequence[int]) -> None:
        """Build it with random weights.

        Args:
            in_channels: of the backbone's maps, finest first.
            out_channels: of the widened maps, multiples of 4; and one more, of the result.

        Raises:
            ValueError: the two do not fit together.
        """
        super().__init__()
        if len(out_channels) != len(in_channels) + 1:
            msg = (
                f"a neck on {len(in_channels)} maps has {len(in_channels) + 1} numbers of channels"
            )
            raise ValueError(msg)
        if any(channels % Bottleneck.expansion for channels in out_channels):
            msg = f"the neck's channels must be multiples of {Bottleneck.expansion}"
            raise ValueError(msg)
        *widened, last = out_channels
        # Upstream allows several blocks per scale, so each has a list of its own: key ".0".
        self.increase_layers = nn.ModuleList(
            nn.Sequential(Bottleneck(narrow, wide // Bottleneck.expansion))
            for narrow, wide in zip(in_channels, widened, strict=True)
        )
        self.downsample_layers = nn.ModuleList(
            conv_norm_act(fine, coarse, 3, stride=2) for fine, coarse in pairwise(widened)
        )
        self.final_layer = conv_norm_act(widened[-1], last, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map the backbone's maps to one of the coarsest map's size."""
        finest, *coarser = (
            increase(x) for increase, x in zip(self.increase_layers, maps, strict=True)
        )
        gathered = finest
        for downsample, x in zip(self.downsample_layers, coarser, strict=True):
            # Both terms have passed a ReLU; their sum passes none.
            gathered = downsample(gathered) + x
        result: Tensor = self.final_layer(gathered)
        return result


class HRNetClassifier(Classifier):
    """HRNet, the gathering neck, the mean over all positions, and a linear head."""

    def __init__(self, backbone: HRNet, num_classes: int, neck_channels: Sequence[int]) -> None:
        super().__init__()
        self.backbone = backbone
        self.neck = nn.Sequential(
            ScaleGathering(backbone.out_channels, neck_channels),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.head = nn.Sequential(OrderedDict(fc=nn.Linear(neck_channels[-1], num_classes)))

    def forward(self, image: Tensor) -> Tensor:
        """Map [N, 3, H, W] float32, normalised, to logits [N, K]; H, W are multiples of 32."""
        logits: Tensor = self.head(self.neck(self.backbone(image)))
        return logits


def build_hrnet_classifier(
    backbone: str, num_classes: int, neck_channels: Sequence[int] = NECK_CHANNELS
) -> HRNetClassifier:
    """Return an untrained classifier.

    Args:
        backbone: "w18", "w32", "w64" ..., or "w18_small".
        num_classes: rows of the head.
        neck_channels: of the neck's four scales, and of what is pooled.

    Raises:
        ValueError: backbone or neck cannot be built.
    """
    return HRNetClassifier(build_hrnet(backbone, nearest), num_classes, neck_channels)
