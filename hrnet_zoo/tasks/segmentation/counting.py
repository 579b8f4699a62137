"""Counts which labels met which predictions in an image, in torch on every device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.label_images import IGNORED

_PAIRS = 256 * 256


def count_pairs(
    prediction: NDArray[np.uint8] | Tensor, label: NDArray[np.uint8] | Tensor, num_classes: int
) -> NDArray[np.int64]:
    """Return how often each label met each prediction in one image.

    One integer histogram over ``256 * label + prediction`` answers every question at once, and
    needs no mask: ignored and foreign labels fall into rows of their own. It runs where the label
    maps are, on CPUs too through torch, whose bincount takes 32-bit integers as they are and is
    nearly twice as fast there as numpy's.

    Args:
        prediction: [H, W] uint8, values 0 to num_classes - 1; array, or tensor on any device.
        label: [H, W] uint8 of the same kind, on the same device.
        num_classes: classes of the data set, at most 255.

    Returns:
        [num_classes + 1, num_classes] int64; the last row holds labels that are not a class.
    """
    return counts_of(pair_table(prediction, label), num_classes)


def pair_table(prediction: NDArray[np.uint8] | Tensor, label: NDArray[np.uint8] | Tensor) -> Tensor:
    """Return how often each label met each prediction, [65536] int64 on their device.

    On a GPU nothing waits for it. Arguments are those of `count_pairs`.
    """
    prediction, label = _tensor(prediction), _tensor(label)
    if prediction.shape != label.shape:
        msg = f"prediction {tuple(prediction.shape)} and label {tuple(label.shape)} differ in size"
        raise ValueError(msg)
    code = label.to(torch.int32).mul_(256).add_(prediction).flatten()
    if code.device.type == "cpu":
        return torch.bincount(code, minlength=_PAIRS)
    return scattered(code)


def scattered(code: Tensor) -> Tensor:
    """Return what bincount returns, which would ask a GPU for the largest value and wait for it."""
    places = code.long()
    return places.new_zeros(_PAIRS).scatter_add_(0, places, torch.ones_like(places))


def counts_of(table: Tensor, num_classes: int) -> NDArray[np.int64]:
    """Return the counts that `count_pairs` returns from a table on the host.

    Raises:
        ValueError: a prediction is not a class.
    """
    pairs = table.numpy().reshape(256, 256)
    if pairs[:IGNORED, num_classes:].any():
        msg = f"a prediction is not among the classes 0 to {num_classes - 1}"
        raise ValueError(msg)
    classes = pairs[:num_classes, :num_classes]
    foreign = pairs[num_classes:IGNORED, :num_classes].sum(axis=0, keepdims=True)
    return np.concatenate([classes, foreign]).astype(np.int64)


def _tensor(values: NDArray[np.uint8] | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
