"""From a picture to FCOS' detections, step by step; only the network itself is the package's.

The steps are those of mmdetection 2.3.0: the class alone must pass the threshold; class x
centerness ranks points and boxes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from plain_ap import MOST_PER_IMAGE, Floats, Found, box_iou
from torch import Tensor

from hrnet_zoo.models.detection.fcos import FCOS

STRIDES = (8, 16, 32, 64, 128)
POINTS_PER_LEVEL = 1000
SCORE_THRESHOLD = 0.05
NMS_THRESHOLD = 0.5
DIVISOR = 32
MEAN = (103.53, 116.28, 123.675)
"""BGR."""
STD = (57.375, 57.12, 58.395)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Boxes and what the network says about them, before any choice between them."""

    boxes: Floats
    """[P, 4], xyxy in pixels of the network's input."""
    classes: Floats
    """[P, K], 0 to 1."""
    centerness: Floats
    """[P], 0 to 1."""


def network_input(pictures: list[Bytes], size: tuple[int, int]) -> Tensor:
    """Map RGB pictures [H, W, 3] to [N, 3, h, w]: resized, normalised as BGR, padded with 0.

    Args:
        pictures: all of one size.
        size: (width, height) to resize to.
    """
    prepared = []
    for picture in pictures:
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
        bgr = np.asarray(resized).astype(np.float32)[..., ::-1]
        normalised = (bgr - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
        below, right = -size[1] % DIVISOR, -size[0] % DIVISOR
        prepared.append(np.pad(normalised, ((0, below), (0, right), (0, 0))).transpose(2, 0, 1))
    return torch.from_numpy(np.stack(prepared)).contiguous(memory_format=torch.channels_last)


def detect(network: FCOS, picture: Bytes, size: tuple[int, int]) -> Found:
    """Return the detections in an RGB picture, in its pixels; ``size`` is the resized one."""
    with torch.inference_mode():
        levels = network.outputs(network_input([picture], size))
    parts = [
        level_candidates(
            _sigmoid(level.logits[0].double().numpy()),
            level.distances[0].double().numpy(),
            _sigmoid(level.centerness[0, 0].double().numpy()),
            stride,
            size,
        )
        for level, stride in zip(levels, STRIDES, strict=True)
    ]
    boxes = np.concatenate([part.boxes for part in parts])
    factors = [size[0] / picture.shape[1], size[1] / picture.shape[0]]
    return choose(
        Candidates(
            boxes=boxes / np.array(factors * 2),
            classes=np.concatenate([part.classes for part in parts]),
            centerness=np.concatenate([part.centerness for part in parts]),
        )
    )


def _sigmoid(x: Floats) -> Floats:
    result: Floats = 1 / (1 + np.exp(-x))
    return result


def level_candidates(
    classes: Floats, distances: Floats, centerness: Floats, stride: int, size: tuple[int, int]
) -> Candidates:
    """Return the boxes of the 1000 best points of a level, clipped to the resized picture.

    Args:
        classes: [K, h, w], 0 to 1.
        distances: [4, h, w], to left, top, right and bottom edge, in pixels.
        centerness: [h, w], 0 to 1.
        stride: pixels between points.
        size: (width, height) of the resized picture.
    """
    width, height = size
    everywhere = [
        (float(max(classes[:, y, x]) * centerness[y, x]), y, x)
        for y, x in np.ndindex(*centerness.shape)
    ]
    rows = sorted(everywhere, key=lambda point: -point[0])[:POINTS_PER_LEVEL]
    boxes = np.zeros((len(rows), 4))
    for i, (_, y, x) in enumerate(rows):
        left, top, right, bottom = distances[:, y, x]
        centre_x, centre_y = x * stride + stride // 2, y * stride + stride // 2
        boxes[i] = (
            min(max(centre_x - left, 0), width),
            min(max(centre_y - top, 0), height),
            min(max(centre_x + right, 0), width),
            min(max(centre_y + bottom, 0), height),
        )
    return Candidates(
        boxes=boxes,
        classes=np.array([classes[:, y, x] for _, y, x in rows]),
        centerness=np.array([centerness[y, x] for _, y, x in rows]),
    )


def choose(candidates: Candidates) -> Found:
    """Drop what is improbable and what another box of its class covers; keep the 100 best."""
    kept: list[tuple[float, int, Floats]] = []
    for label in range(candidates.classes.shape[1]):
        probable = candidates.classes[:, label] > SCORE_THRESHOLD
        scores = (candidates.classes[:, label] * candidates.centerness)[probable]
        boxes = candidates.boxes[probable]
        winners: list[Floats] = []
        for i in np.argsort(-scores, kind="stable"):
            if all(box_iou(boxes[i], winner) <= NMS_THRESHOLD for winner in winners):
                winners.append(boxes[i])
                kept.append((float(scores[i]), label, boxes[i]))
    kept = sorted(kept, key=lambda one: -one[0])[:MOST_PER_IMAGE]
    return Found(
        boxes=np.array([box for _, _, box in kept]).reshape(-1, 4),
        scores=np.array([score for score, _, _ in kept]),
        labels=np.array([label for _, label, _ in kept], np.int64),
    )
