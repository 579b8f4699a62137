"""One training step of a detection row, as the documented memory was logged.

Source: mmdetection 2.3.0, configs/hrnet/ and configs/_base_/schedules/schedule_1x.py;
mmdet/models/detectors/two_stage.py, TwoStageDetector.forward_train.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.memory.training_step import STEP_ASSUMPTIONS, TrainingStep
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.two_stage import TwoStageDetector
from hrnet_zoo.models.resnext import ResNeXt
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.tasks.detection.training_batch import OBJECTS_PER_IMAGE, Batch, made_up_batch
from hrnet_zoo.tasks.detection.training_fcos import compose_group_norms, fcos_loss
from hrnet_zoo.tasks.detection.training_two_stage import (
    POSITIVES_PER_IMAGE,
    REGIONS_PER_IMAGE,
    roi_loss,
    rpn_loss,
)

_LEARNING_RATE = 0.02
_WEIGHT_DECAY = 0.0001
_RESNEXT = "htc_x101"


@dataclass(frozen=True, kw_only=True)
class DetectionTraining(Workload):
    """One training step of a detector, on the largest batch: landscape images that fill the box."""

    channels: int

    @classmethod
    def of(cls, setup: DetectionSetup) -> DetectionTraining:
        """Return the training of a row; images are resized for it as for its test."""
        return cls(
            architecture=setup.architecture,
            backbone=setup.backbone,
            num_classes=setup.num_classes,
            channels=setup.channels,
            size=setup.largest_input(),
            samples=setup.samples_per_gpu,
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what the step takes for granted, for people."""
        height, width = self.size
        common = (
            *STEP_ASSUMPTIONS,
            "the backbone's BatchNorm keeps its statistics, its weights are trained",
            f"all images {height} x {width} after padding, the largest batch there is",
            f"{OBJECTS_PER_IMAGE} annotated objects per image, about the most COCO has",
        )
        kind = DETECTORS[self.architecture]
        if not kind.has_regions:
            return (
                *common,
                "GroupNorm composed of BatchNorm and addcmul, as PyTorch had it in early 2020",
                "targets of all points; which points count as positive is made up, one in 32",
                "the focal loss keeps its logits and labels only, as mmcv's kernel does",
            )
        frozen = ("stem and first layer of the ResNeXt are frozen",)
        masks = (
            f"{POSITIVES_PER_IMAGE} mask targets per image, each cut from a full-size float copy",
        )
        return (
            *common,
            "anchors are assigned by their IoU with all objects; all of them weigh in the loss",
            f"{REGIONS_PER_IMAGE} regions per image, {POSITIVES_PER_IMAGE} of them positive",
            "regions lie at made-up places on all levels; none are proposed",
            *(masks if kind.has_masks else ()),
            *(frozen if self.architecture == _RESNEXT else ()),
        )

    def prepare(self, device: torch.device) -> TrainingStep:
        """Make network, batch and optimizer on a device, return the step; values are random."""
        with device:
            network = build_detector(
                self.architecture,
                backbone=self.backbone,
                num_classes=self.num_classes,
                channels=self.channels,
            )
        as_trained(network)
        batch = made_up_batch(self.samples, self.size, self.num_classes, device)
        return TrainingStep(
            network,
            lambda: detection_loss(network, batch, self.num_classes),
            learning_rate=_LEARNING_RATE,
            weight_decay=_WEIGHT_DECAY,
        )


def as_trained(network: Detector) -> None:
    """Put a detector into the state it is trained in: frozen parts, norms of the time."""
    network.train()
    compose_group_norms(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    if isinstance(network.backbone, ResNeXt):
        for part in (network.backbone.conv1, network.backbone.bn1, network.backbone.layer1):
            part.requires_grad_(requires_grad=False)


def detection_loss(network: Detector, batch: Batch, num_classes: int) -> Tensor:
    """Return the loss of a batch, all parts added up; one value."""
    if isinstance(network, TwoStageDetector):
        maps = network.neck(network.backbone(batch.images))
        loss = rpn_loss(network.rpn_head(maps), batch)
        return loss + roi_loss(network.roi_head, maps, batch, num_classes)
    if isinstance(network, FCOS):
        return fcos_loss(network.outputs(batch.images), batch)
    msg = f"what a {type(network).__name__} learns from is not part of this version"
    raise PrerequisiteError(msg)
