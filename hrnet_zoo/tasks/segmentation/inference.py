"""What a segmentor's inference takes, which the tables do not document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.folding import fold
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup, SlideTest

_USUAL_SIZES = {(2048, 512): (512, 683)}
"""Boxes (width, height) that hold photographs of many shapes, and the (height, width) of most.

ADE20K's and VOC's photographs are mostly 4:3; the other data sets' images fill their box.
"""


@dataclass(frozen=True, kw_only=True)
class SegmentationInference(Workload):
    """One inference of a segmentor: on an image, or on a window of one."""

    @classmethod
    def of(cls, setup: SegmentationSetup) -> SegmentationInference:
        """Return the inference of a row at its single test scale."""
        test = setup.test
        width, height = test.scale
        whole = _USUAL_SIZES.get(test.scale, (height, width))
        return cls(
            architecture=setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            size=test.crop_size if isinstance(test, SlideTest) else whole,
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""
        height, width = self.size
        return ("BatchNorm folded, float32", f"one image or window of {height} x {width}")

    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make network and image, return what labels it; values are random."""
        with device:
            network = build_segmentor(
                self.architecture, backbone=self.backbone, num_classes=self.num_classes
            )
            image = torch.randn(1, 3, *self.size)
        fold(network)
        return partial(_label, network, image)


@torch.inference_mode()
def _label(network: Segmentor, image: Tensor) -> Tensor:
    logits: Tensor = network(image)
    return logits.argmax(dim=1)
