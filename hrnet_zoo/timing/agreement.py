"""How far a variant gives the same answer as the documented way, on one image after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.timing.observations import Agreement, Calibration

_MIN_IOU = 0.99
_MAX_SCORE_DIFFERENCE = 1e-3
_SAME_CORNERS = 0.05
"""Pixels; boxes this near are the same, also where they were cut off at the border and are too flat
for their overlap to say so."""

_NOISES = 2
"""How often the documented way's disagreement with itself a variant may disagree with it."""
_MOST_NOISE = 0.05
"""Share that may disagree however far the documented way does: a GPU that differs from itself by
more shows nothing about a variant."""


def has_noise(device: torch.device) -> bool:
    """Whether kernels of a device may differ by more than the order of their sums.

    Those of Winograd, which cuDNN may choose for float32, round to about 1e-4.
    """
    return device.type == "cuda"


def calibrated(least: float, noise: Agreement) -> Calibration:
    """Return what share of answers has to be the documented way's, given its own noise.

    Args:
        least: the share without any noise.
        noise: agreement of the documented way with itself.
    """
    allowed = max(1 - least, min(_MOST_NOISE, _NOISES * (1 - noise.share)))
    return Calibration(agreement=noise, least=round(1 - allowed, 9))


def label_agreement(reference: Tensor, ours: Tensor) -> Agreement:
    """Compare the class scores [N, K, ...] of a batch, each with those [1, K, ...] of an image."""
    return combined([_label_agreement(reference, one) for one in torch.split(ours, 1)])


def _label_agreement(reference: Tensor, ours: Tensor) -> Agreement:
    same = reference.argmax(dim=1) == ours.argmax(dim=1)
    difference = float((reference - ours).abs().max())
    return Agreement(
        share=int(same.sum()) / same.numel(),
        num_compared=same.numel(),
        largest_logit_difference=difference if math.isfinite(difference) else None,
    )


def detection_agreement(reference: ImageDetections, ours: ImageDetections) -> Agreement:
    """Compare two lists of detections of one image."""
    longer = max(len(reference.labels), len(ours.labels))
    return Agreement(
        share=num_matched(reference, ours) / longer if longer else 1.0, num_compared=longer
    )


def combined(parts: Sequence[Agreement]) -> Agreement:
    """Return the agreement over several images; each counts by what is compared in it."""
    total = sum(part.num_compared for part in parts)
    equal = sum(part.share * part.num_compared for part in parts)
    differences = [part.largest_logit_difference for part in parts]
    known = [difference for difference in differences if difference is not None]
    return Agreement(
        share=equal / total if total else 1.0,
        num_compared=total,
        largest_logit_difference=max(known) if len(known) == len(parts) else None,
    )


def num_matched(reference: ImageDetections, ours: ImageDetections) -> int:
    """Return how many detections have a partner: same label, IoU 0.99, score within 1e-3.

    Lists are matched, best first, rather than compared place by place: equal scores may change
    places.
    """
    possible = _iou(reference.boxes, ours.boxes)
    possible[reference.labels[:, None] != ours.labels[None]] = 0
    scores = np.abs(reference.scores[:, None] - ours.scores[None])
    possible[scores > _MAX_SCORE_DIFFERENCE] = 0
    matched = 0
    for candidates in possible if possible.size else ():
        best = int(candidates.argmax())
        if candidates[best] >= _MIN_IOU:
            matched += 1
            possible[:, best] = 0
    return matched


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the intersection over union of boxes [M, 4] and [N, 4], [M, N]; 1 if nearly equal."""
    from torchvision.ops import box_iou  # noqa: PLC0415 - slow to import

    x, y = a.astype(np.float64), b.astype(np.float64)
    # Two boxes without any area have 0 / 0.
    shared: NDArray[np.float64] = np.nan_to_num(
        box_iou(torch.from_numpy(x), torch.from_numpy(y)).numpy()
    )
    shared[np.abs(x[:, None] - y[None]).max(-1) <= _SAME_CORNERS] = 1
    return shared
