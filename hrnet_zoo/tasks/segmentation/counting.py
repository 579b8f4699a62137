"""Counts which labels met which predictions in an image, in torch on every device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.label_images import IGNORED


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
        label: [H, W] uint8 of the same kind.
        num_classes: classes of the data set, at most 255.

    Returns:
        [num_classes + 1, num_classes] int64; the last row holds labels that are not a class.
    """
    if prediction.shape != label.shape:
        msg = f"prediction {tuple(prediction.shape)} and label {tuple(label.shape)} differ in size"
        raise ValueError(msg)
    code = _tensor(label).to(torch.int32).mul_(256).add_(_tensor(prediction))
    table = torch.bincount(code.flatten(), minlength=65536).cpu().numpy().reshape(256, 256)
    if table[:IGNORED, num_classes:].any():
        msg = f"a prediction is not among the classes 0 to {num_classes - 1}"
        raise ValueError(msg)
    classes = table[:num_classes, :num_classes]
    foreign = table[num_classes:IGNORED, :num_classes].sum(axis=0, keepdims=True)
    return np.concatenate([classes, foreign]).astype(np.int64)


def _tensor(values: NDArray[np.uint8] | Tensor) -> Tensor:
    if isinstance(values, Tensor):
        return values
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
