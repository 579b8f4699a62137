"""What a detector's inference takes; the tables do not document it.

Which regions and objects are looked at depends on values, which fake tensors do not have. As many
stand in as there can be at most, and nothing is selected among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.nms import MAX_DETECTIONS
from hrnet_zoo.models.detection.rpn import MAX_PROPOSALS
from hrnet_zoo.models.folding import fold
from hrnet_zoo.tasks.detection.setup import DetectionSetup

_NOT_SELECTED = "selecting and suppressing boxes is left out"


@dataclass(frozen=True, kw_only=True)
class DetectionInference(Workload):
    """One inference of a detector, padding included."""

    channels: int

    @classmethod
    def of(cls, setup: DetectionSetup) -> DetectionInference:
        """Return the inference of a row on an image that fills the box of the resize."""
        return cls(
            architecture=setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            channels=setup.channels,
            size=setup.largest_input(),
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""
        height, width = self.size
        common = (
            "BatchNorm folded, channels-last, float32",
            f"one image of {height} x {width} after padding, the most pixels there are",
        )
        kind = DETECTORS[self.architecture]
        if not kind.has_regions:
            return (*common, _NOT_SELECTED)
        masks = (f"{MAX_DETECTIONS} objects, whose masks never are as large as the image",)
        return (
            *common,
            _NOT_SELECTED,
            f"{MAX_PROPOSALS} regions, as many from each level; none are proposed",
            *(masks if kind.has_masks else ()),
        )

    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make network and image, return what detects; values are random."""
        with device:
            network = build_detector(
                self.architecture,
                backbone=self.backbone,
                num_classes=self.num_classes,
                channels=self.channels,
            )
            image = torch.randn(1, *self.size, 3).permute(0, 3, 1, 2)
        fold(network)
        _make_channels_last(network)
        return torch.inference_mode()(lambda: network.run_all_parts(image))


def _make_channels_last(network: nn.Module) -> None:
    """Do what `Module.to` does, which cannot exchange the weights that `fold` made of fakes."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            weight = part.weight.detach().contiguous(memory_format=torch.channels_last)
            part.weight = nn.Parameter(weight)
