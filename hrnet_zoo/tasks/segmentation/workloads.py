"""What is asked about a segmentor's memory: a training step as it was logged, and an inference.

The tables do not document what an inference takes.

Source: mmsegmentation 0.20.2, mmseg/models/decode_heads/decode_head.py, BaseDecodeHead.losses;
configs/_base_/schedules/schedule_40k.py. Nothing is dropped out and there is no auxiliary head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from hrnet_zoo.datasets.label_images import IGNORED
from hrnet_zoo.memory.training_step import STEP_ASSUMPTIONS, TrainingStep
from hrnet_zoo.memory.workload import Workload
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.folding import fold
from hrnet_zoo.models.layers import resize
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup, SlideTest

_LEARNING_RATE = 0.01
_WEIGHT_DECAY = 0.0005
_USUAL_SIZES = {(2048, 512): (512, 683)}
"""Boxes (width, height) that hold photographs of many shapes, and the (height, width) of most.

ADE20K's and VOC's photographs are mostly 4:3; the other data sets' images fill their box.
"""


def untrained(asked: SegmentationSetup | Workload) -> Segmentor:
    """Return the network that a row or some work asks for."""
    return build_segmentor(
        asked.architecture, backbone=asked.backbone, num_classes=asked.num_classes
    )


@dataclass(frozen=True, kw_only=True)
class SegmentationTraining(Workload):
    """One training step of a segmentor, on crops."""

    @classmethod
    def of(cls, setup: SegmentationSetup) -> Self:
        """Return the training of a row."""
        return cls.on(setup.train_crop, setup, samples=setup.samples_per_gpu)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what the step takes for granted, for people."""
        return (
            *STEP_ASSUMPTIONS,
            "BatchNorm with the statistics of the batch (SyncBN)",
            f"logits enlarged to the crop, cross entropy of every pixel without {IGNORED}, top-1",
            "log_softmax keeps its input for the gradient as well, as PyTorch did until 2021",
        )

    def prepare(self, device: torch.device) -> TrainingStep:
        """Make network, batch and optimizer on a device, return the step; values are random."""
        with device:
            network = untrained(self).train()
            images = torch.randn(self.samples, 3, *self.size)
            labels = torch.randint(self.num_classes, (self.samples, *self.size))
        return TrainingStep(
            network,
            lambda: segmentation_loss(network.coarse_logits(images), labels),
            learning_rate=_LEARNING_RATE,
            weight_decay=_WEIGHT_DECAY,
        )


@dataclass(frozen=True, kw_only=True)
class SegmentationInference(Workload):
    """One inference of a segmentor: on an image, or on a window of one."""

    @classmethod
    def of(cls, setup: SegmentationSetup) -> Self:
        """Return the inference of a row at its single test scale."""
        test = setup.test
        width, height = test.scale
        whole = _USUAL_SIZES.get(test.scale, (height, width))
        return cls.on(test.crop_size if isinstance(test, SlideTest) else whole, setup)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return what is taken for granted, for people."""
        height, width = self.size
        return ("BatchNorm folded, float32", f"one image or window of {height} x {width}")

    def prepare(self, device: torch.device) -> Callable[[], object]:
        """Make network and image, return what labels it; values are random."""
        with device:
            network = untrained(self)
            image = torch.randn(1, 3, *self.size)
        fold(network)
        return torch.inference_mode()(lambda: network(image).argmax(dim=1))


def segmentation_loss(coarse_logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy at the labels' resolution, averaged over all pixels.

    Ignored pixels add nothing, but they are counted, as upstream counts them.

    Args:
        coarse_logits: [N, K, h, w] float32.
        labels: [N, H, W] int64, 0 to K - 1 or 255.
    """
    logits = resize(coarse_logits, (labels.shape[-2], labels.shape[-1]))
    log_probabilities: Tensor = LogSoftmax.apply(logits)
    per_pixel = F.nll_loss(log_probabilities, labels, ignore_index=IGNORED, reduction="none")
    loss = per_pixel.mean()
    # Upstream logs the accuracy of every step: small beside the logits, but it is there.
    logits.detach().topk(1, dim=1)
    return loss


class LogSoftmax(torch.autograd.Function):
    """log_softmax over classes that keeps its input for the gradient, besides its result.

    It is not needed, but PyTorch kept it until 2021, and the documented trainings are older.

    Source:
        PyTorch 1.5, tools/autograd/derivatives.yaml, _log_softmax; pytorch issue 64000.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        """Map [N, K, H, W] to the same shape."""
        result = logits.log_softmax(dim=1)
        ctx.save_for_backward(logits, result)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401 - torch's
        """Return the gradient of the logits."""
        logits, result = ctx.saved_tensors
        gradient: Tensor = torch.ops.aten._log_softmax_backward_data(
            gradients[0], result, 1, logits.dtype
        )
        return gradient
