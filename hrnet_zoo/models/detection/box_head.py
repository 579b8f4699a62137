"""The head that says what is in a region, and moves its box there.

Attribute names are those of the published checkpoints.

Source: mmdetection 2.3.0, mmdet/models/roi_heads/bbox_heads/convfc_bbox_head.py, Shared2FCBBoxHead.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models.detection.roi_features import BOX_SIZE

_HIDDEN = 1024


class BoxHead(nn.Module):
    """Two hidden layers, then a classifier and a regressor beside each other."""

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
