"""The plain ways from mask probabilities to masks, mask by mask: every pixel of image or box."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from torch import Tensor

from hrnet_zoo.datasets.detections import Rle

TIE = 1e-5
"""Pixels whose probability is this close to one half may fall on either side."""


def blobs(number: int, seed: int) -> Tensor:
    """Return smooth probability maps [number, 28, 28] of one or several blobs each."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(number, 1, 6, 6, generator=generator)
    fine = F.interpolate(coarse, size=(28, 28), mode="bicubic", align_corners=False)
    return (4 * fine[:, 0] + 1).sigmoid()


def random_boxes(number: int, size: tuple[int, int], seed: int) -> Tensor:
    """Return boxes [number, 4] as COCO's: mostly small, their sides log-normal."""
    rng = np.random.default_rng(seed)
    limits = np.array([size[1], size[0]])
    sides = np.exp(rng.normal(-2.2, 1.0, (number, 2))).clip(0.005, 1) * limits
    corners = rng.uniform(size=(number, 2)) * (limits - sides)
    return torch.from_numpy(np.concatenate((corners, corners + sides), axis=1)).float()


def sampled(probabilities: Tensor, box: Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return a mask's probability [H, W] at every pixel of the image."""
    height, width = size
    x1, y1, x2, y2 = box
    x = (torch.arange(width) + 0.5 - x1) / (x2 - x1) * 2 - 1
    y = (torch.arange(height) + 0.5 - y1) / (y2 - y1) * 2 - 1
    x[x.isinf()] = 0
    y[y.isinf()] = 0
    grid = torch.stack((x.expand(height, width), y[:, None].expand(height, width)), dim=2)
    values = F.grid_sample(probabilities[None, None], grid[None], align_corners=False)
    array: NDArray[np.float32] = values[0, 0].numpy()
    return array


def coco_rle(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> Rle:
    """Encode a mask [H, W] with pycocotools."""
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return Rle(size=list(encoded["size"]), counts=encoded["counts"].decode("ascii"))


def plain_encode_masks(probabilities: Tensor, boxes: Tensor, size: tuple[int, int]) -> list[Rle]:
    """Do what `encode_masks` does, for boxes that have an extent."""
    return [
        coco_rle(sampled(map_, box, size) >= 0.5)
        for map_, box in zip(probabilities, boxes, strict=True)
    ]


def encode_within_boxes(probabilities: Tensor, boxes: Tensor, size: tuple[int, int]) -> list[Rle]:
    """Do what `encode_masks` does for boxes that have an extent, sampling their pixels only."""
    height, width = size
    limits = torch.tensor([width, height])
    encoded = []
    for map_, box in zip(probabilities, boxes, strict=True):
        x1, y1 = (box[:2].floor().long() - 1).clamp(min=0).tolist()
        x2, y2 = torch.minimum(box[2:].ceil().long() + 1, limits).tolist()
        mask = np.zeros(size, np.uint8, order="F")  # as pycocotools wants it
        moved = box - box.new_tensor([x1, y1, x1, y1])
        mask[y1:y2, x1:x2] = sampled(map_, moved, (y2 - y1, x2 - x1)) >= 0.5
        encoded.append(coco_rle(mask))
    return encoded
