"""What a detector's inference takes; the tables do not document it.

Which regions and objects are looked at depends on values, which fake tensors do not have. As many
stand in as there can be at most, and nothing is selected among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models import WITH_MASKS, WITHOUT_REGIONS, build_detector
from hrnet_zoo.models.detection.box_head import BoxHead
from hrnet_zoo.models.detection.cascade_rcnn import mean_probabilities
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.htc import HTCRoIHead
from hrnet_zoo.models.detection.mask_head import MaskHead
from hrnet_zoo.models.detection.nms import MAX_DETECTIONS
from hrnet_zoo.models.detection.roi_features import BOX_SIZE, MASK_SIZE, roi_pyramid
from hrnet_zoo.models.detection.rpn import MAX_PROPOSALS
from hrnet_zoo.models.detection.semantic_head import STRIDE
from hrnet_zoo.models.detection.two_stage import RoIHead, TwoStageDetector
from hrnet_zoo.models.folding import fold
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.detection.training_roi import align, boxes_on_all_levels, pooled_features
from hrnet_zoo.tasks.input_size import padded_size

_NOT_SELECTED = "selecting and suppressing boxes is left out"


@dataclass(frozen=True, kw_only=True)
class DetectionInference:
    """What the memory of a detection row's inference depends on; rows can share it."""

    architecture: str
    backbone: str
    num_classes: int
    channels: int
    size: tuple[int, int]
    """(height, width) of the network's input, padding included."""

    @classmethod
    def of(cls, setup: DetectionSetup) -> DetectionInference:
        """Return the inference of a row on an image that fills the box of the resize."""
        return cls(
            architecture=setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            channels=setup.channels,
            size=padded_size(setup),
        )

    @property
    def samples(self) -> int:
        """Return how many images go through the network together."""
        return 1

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""
        height, width = self.size
        common = (
            "BatchNorm folded, channels-last, float32",
            f"one image of {height} x {width} after padding, the most pixels there are",
        )
        if self.architecture in WITHOUT_REGIONS:
            return (*common, _NOT_SELECTED)
        masks = (f"{MAX_DETECTIONS} objects, whose masks never are as large as the image",)
        return (
            *common,
            _NOT_SELECTED,
            f"{MAX_PROPOSALS} regions, as many from each level; none are proposed",
            *(masks if self.architecture in WITH_MASKS else ()),
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
        return partial(_detect, network, image)


def _make_channels_last(network: nn.Module) -> None:
    """Do what `Module.to` does, which cannot exchange the weights that `fold` made of fakes."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            weight = part.weight.detach().contiguous(memory_format=torch.channels_last)
            part.weight = nn.Parameter(weight)


@torch.inference_mode()
def _detect(network: Detector, image: Tensor) -> object:
    if isinstance(network, FCOS):
        return network.outputs(image)
    assert isinstance(network, TwoStageDetector)
    maps = network.neck(network.backbone(image))
    network.rpn_head(maps)
    return _look_closer(network.roi_head, maps, (image.shape[-2], image.shape[-1]))


def _look_closer(head: RoIHead, maps: list[Tensor], size: tuple[int, int]) -> Tensor | None:
    """Do what `RoIHead.forward` does; return the masks [M, 28, 28], if there are any."""
    pyramid = roi_pyramid(maps)
    semantic = head.semantic_head(maps).contiguous() if isinstance(head, HTCRoIHead) else None

    def features(count: int, output_size: int) -> Tensor:
        boxes = boxes_on_all_levels(count, size, maps[0].device)
        rois = torch.cat([boxes.new_zeros(count, 1), boxes], dim=1)
        if semantic is None:
            return pooled_features(pyramid, rois, output_size)
        context = align(semantic, rois, MASK_SIZE, STRIDE)
        if output_size != MASK_SIZE:
            context = F.avg_pool2d(context, MASK_SIZE // output_size)
        return pooled_features(pyramid, rois, output_size) + context

    box_heads = [part for part in head.modules() if isinstance(part, BoxHead)]
    # What the stages say about regions is kept until the last of them.
    said = [box_head(features(MAX_PROPOSALS, BOX_SIZE)) for box_head in box_heads]
    del said
    if not head.has_masks:
        return None
    objects = features(MAX_DETECTIONS, MASK_SIZE)
    labels = torch.zeros(MAX_DETECTIONS, dtype=torch.int64, device=objects.device)
    if isinstance(head, HTCRoIHead):
        return mean_probabilities(head.mask_logits(objects, labels))
    mask_heads = [part for part in head.modules() if isinstance(part, MaskHead)]
    return mean_probabilities([mask_head(objects, labels) for mask_head in mask_heads])
