"""What is asked about a detector's memory: a training step as it was logged, and an inference.

Which regions and objects are looked at depends on values, which fake tensors do not have. As many
stand in as there can be at most, and nothing is selected among them. The tables do not document
what an inference takes.

Source: mmdetection 2.3.0, configs/hrnet/ and configs/_base_/schedules/schedule_1x.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.memory.training_step import STEP_ASSUMPTIONS, TrainingStep
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.boxes import MAX_DETECTIONS
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.rpn import MAX_PROPOSALS
from hrnet_zoo.models.detection.two_stage import TwoStageDetector
from hrnet_zoo.models.folding import fold
from hrnet_zoo.models.resnext import ResNeXt
from hrnet_zoo.tasks.detection.losses import (
    OBJECTS_PER_IMAGE,
    POSITIVES_PER_IMAGE,
    REGIONS_PER_IMAGE,
    Batch,
    compose_group_norms,
    fcos_loss,
    made_up_batch,
    roi_loss,
    rpn_loss,
)
from hrnet_zoo.tasks.detection.setup import DetectionSetup

_LEARNING_RATE = 0.02
_WEIGHT_DECAY = 0.0001
_RESNEXT = "htc_x101"
_NOT_SELECTED = "selecting and suppressing boxes is left out"


@dataclass(frozen=True, kw_only=True)
class _DetectorWorkload(Workload):
    """Work of a detector on landscape images that fill the box of the resize, the largest."""

    channels: int


def untrained(asked: DetectionSetup | _DetectorWorkload) -> Detector:
    """Return the network that a row or some work asks for."""
    return build_detector(
        asked.architecture,
        backbone=asked.backbone,
        num_classes=asked.num_classes,
        channels=asked.channels,
    )


@dataclass(frozen=True, kw_only=True)
class DetectionTraining(_DetectorWorkload):
    """One training step of a detector, on the largest batch: landscape images that fill the box."""

    @classmethod
    def of(cls, setup: DetectionSetup) -> Self:
        """Return the training of a row; images are resized for it as for its test."""
        return cls.on(setup.largest_input(), setup, samples=setup.samples_per_gpu)

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
            network = untrained(self)
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


@dataclass(frozen=True, kw_only=True)
class DetectionInference(_DetectorWorkload):
    """One inference of a detector, padding included."""

    @classmethod
    def of(cls, setup: DetectionSetup) -> Self:
        """Return the inference of a row on an image that fills the box of the resize."""
        return cls.on(setup.largest_input(), setup)

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
            network = untrained(self)
        image = torch.randn(1, *self.size, 3, device=device).permute(0, 3, 1, 2)
        fold(network)
        _make_channels_last(network)
        return torch.inference_mode()(lambda: network.run_all_parts(image))


def _make_channels_last(network: nn.Module) -> None:
    """Do what `Module.to` does, which cannot exchange the weights that `fold` made of fakes."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            weight = part.weight.detach().contiguous(memory_format=torch.channels_last)
            part.weight = nn.Parameter(weight)
