"""A made-up batch for detectors: as large as a batch of COCO can be, and as crowded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hrnet_zoo.models.detection.stand_ins import random_boxes

OBJECTS_PER_IMAGE = 93
"""About the most that a COCO image has."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The annotated objects of one image."""

    boxes: Tensor
    """[G, 4] float32, xyxy in pixels of the network's input."""
    labels: Tensor
    """[G] int64, 0 to K - 1."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a step is given."""

    images: Tensor
    """[N, 3, H, W] float32."""
    objects: list[Objects]
    """One entry per image."""

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return (self.images.shape[-2], self.images.shape[-1])


def made_up_batch(
    samples: int, size: tuple[int, int], num_classes: int, device: torch.device
) -> Batch:
    """Return random images with random objects; nothing in them has a meaning but the sizes."""
    objects = []
    for _ in range(samples):
        boxes = random_boxes(OBJECTS_PER_IMAGE, 96.0, size, device)
        labels = torch.randint(num_classes, (OBJECTS_PER_IMAGE,), device=device)
        objects.append(Objects(boxes=boxes, labels=labels))
    return Batch(images=torch.randn(samples, 3, *size, device=device), objects=objects)


def flat(maps: list[Tensor], channels: int | None = None) -> Tensor:
    """Map [N, A x C, H, W] of all levels to [N, all places, C]; without ``channels``, A is 1."""
    flat = [m.permute(0, 2, 3, 1).reshape(len(m), -1, channels or m.shape[1]) for m in maps]
    return torch.cat(flat, dim=1)
