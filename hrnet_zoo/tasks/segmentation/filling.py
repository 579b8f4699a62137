"""Random weights with which segmentors see all their classes."""

from __future__ import annotations

import torch
from torch import Tensor

from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.filled import Filling

SEGMENTATION_FILLING = Filling(gains=((r"^decode_head\.conv_seg", 1.0), (r"", 0.7)))


@torch.inference_mode()
def spread_classes(model: Segmentor, image: Tensor) -> None:
    """Shift and scale a filled segmentor's classifier, so that labels are of many classes.

    As filled, one class wins nearly everywhere by its bias, and any variant would agree with any
    other. Afterwards the logits of every class have mean 0 and standard deviation 1 over an image.

    Args:
        model: on the CPU.
        image: [1, 3, H, W] float32, normalised.
    """
    logits = model.coarse_logits(image)
    mean, deviation = logits.mean(dim=(0, 2, 3)), logits.std(dim=(0, 2, 3))
    bias = model.classifier.bias
    assert bias is not None
    model.classifier.weight /= deviation[:, None, None, None]
    bias.copy_((bias - mean) / deviation)
