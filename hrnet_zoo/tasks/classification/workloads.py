"""What is asked about a classifier's memory: a training step, and an inference.

The tables document neither.

Source: mmclassification 0.25.0, configs/_base_/schedules/imagenet_bs256_coslr.py; the loss is the
cross entropy, without label smoothing or mixed images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from torch import Tensor
from torch.nn import functional as F

from hrnet_zoo.memory.training_step import STEP_ASSUMPTIONS, TrainingStep
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import build_classifier
from hrnet_zoo.models.classifier import Classifier
from hrnet_zoo.models.folding import fold
from hrnet_zoo.tasks.classification.setup import ClassificationSetup

_LEARNING_RATE = 0.1
_WEIGHT_DECAY = 0.0001


@dataclass(frozen=True, kw_only=True)
class _ClassifierWorkload(Workload):
    """Work of a classifier on crops."""

    neck_channels: tuple[int, ...]


def untrained(asked: ClassificationSetup | _ClassifierWorkload) -> Classifier:
    """Return the network that a row or some work asks for."""
    return build_classifier(
        asked.architecture,
        backbone=asked.backbone,
        num_classes=asked.num_classes,
        neck_channels=asked.neck_channels,
    )


@dataclass(frozen=True, kw_only=True)
class ClassificationTraining(_ClassifierWorkload):
    """One training step of a classifier, on crops."""

    @classmethod
    def of(cls, setup: ClassificationSetup) -> Self:
        """Return the training of a row, which sees crops as the test does."""
        crop = setup.test.crop
        return cls.on((crop, crop), setup, samples=setup.samples_per_gpu)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what the step takes for granted, for people."""
        return (*STEP_ASSUMPTIONS, "BatchNorm with the statistics of the batch", "cross entropy")

    def prepare(self, device: torch.device) -> TrainingStep:
        """Make network, batch and optimizer on a device, return the step; values are random."""
        with device:
            network = untrained(self).train()
            images = torch.randn(self.samples, 3, *self.size)
            labels = torch.randint(self.num_classes, (self.samples,))
        return TrainingStep(
            network,
            lambda: F.cross_entropy(network(images), labels),
            learning_rate=_LEARNING_RATE,
            weight_decay=_WEIGHT_DECAY,
        )


@dataclass(frozen=True, kw_only=True)
class ClassificationInference(_ClassifierWorkload):
    """One inference of a classifier, on one crop."""

    @classmethod
    def of(cls, setup: ClassificationSetup) -> Self:
        """Return the inference of a row."""
        return cls.on((setup.test.crop, setup.test.crop), setup)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""
        height, width = self.size
        return ("BatchNorm folded, float32", f"one crop of {height} x {width}")

    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make network and image, return what classifies it; values are random."""
        with device:
            network, image = untrained(self), torch.randn(1, 3, *self.size)
        fold(network)
        return partial(_classify, network, image)


@torch.inference_mode()
def _classify(network: Classifier, image: Tensor) -> Tensor:
    logits: Tensor = network(image)
    return logits.softmax(dim=1)
