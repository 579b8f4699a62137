"""The heads that look at regions: what is in a region, and its mask; and HTC's semantic branch.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/, bbox_heads/convfc_bbox_head.py,
Shared2FCBBoxHead; mask_heads/fcn_mask_head.py, FCNMaskHead; mask_heads/htc_mask_head.py,
HTCMaskHead; mask_heads/fused_semantic_head.py, FusedSemanticHead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.detection.necks import NUM_LEVELS
from hrnet_zoo.models.detection.roi_features import BOX_SIZE
from hrnet_zoo.models.layers import biased_conv

_HIDDEN = 1024
_DEPTH = 4
_LEVEL = 1
_NUM_STUFF_CLASSES = 183


class BoxHead(nn.Module):
    """Says what is in a region and moves its box: a classifier and a regressor, side by side."""

    def __init__(self, channels: int, num_classes: int, *, class_agnostic: bool) -> None:
        """Build the head with random weights.

        Args:
            channels: of the features.
            num_classes: foreground classes.
            class_agnostic: whether a box is moved the same way for all classes.
        """
        super().__init__()
        self.fc_cls = nn.Linear(_HIDDEN, num_classes + 1)
        self.fc_reg = nn.Linear(_HIDDEN, 4 if class_agnostic else 4 * num_classes)
        self.shared_fcs = nn.ModuleList(
            [nn.Linear(channels * BOX_SIZE**2, _HIDDEN), nn.Linear(_HIDDEN, _HIDDEN)]
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Map features [P, C, 7, 7] to what `decode_deltas` and a softmax need.

        Returns:
            Logits [P, K + 1], background last, and deltas [P, K, 4], or [P, 1, 4] if all classes
            share them.
        """
        x = features.flatten(1)
        for fc in self.shared_fcs:
            x = F.relu(fc(x), inplace=True)
        return self.fc_cls(x), self.fc_reg(x).unflatten(1, (-1, 4))


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
            *(biased_conv(channels, channels, 3, relu=True) for _ in range(_DEPTH))
        )
        self.upsample = nn.ConvTranspose2d(channels, channels, 2, stride=2)
        self.conv_logits = nn.Conv2d(channels, num_classes, 1)
        self.conv_res = biased_conv(channels, channels, 1, relu=True) if adds_previous else None

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


class SemanticHead(nn.Module):
    """Sees the image as a whole, stuff included.

    Brings all levels to stride 8, add them up, and look at the sum with four convolutions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(
            biased_conv(channels, channels, 1, relu=True) for _ in range(NUM_LEVELS)
        )
        self.convs = nn.Sequential(
            *(biased_conv(channels, channels, 3, relu=True) for _ in range(_DEPTH))
        )
        self.conv_embedding = biased_conv(channels, channels, 1, relu=True)
        # Only training looks at these logits, but the checkpoints hold them.
        self.conv_logits = nn.Conv2d(channels, _NUM_STUFF_CLASSES, 1)

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
