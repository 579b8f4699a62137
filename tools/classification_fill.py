"""Deterministic weights for classifiers from key names alone; the rule is in data/README.md."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_SALT = "cls-3/"


def filled(model: nn.Module) -> dict[str, Tensor]:
    """Return the state dict that the rule gives a model, which may be on the meta device."""
    return {key: _entry(key, tuple(value.shape)) for key, value in model.state_dict().items()}


def _entry(key: str, shape: tuple[int, ...]) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32((_SALT + key).encode())))
    return torch.from_numpy(_draw(rng, key, shape).astype(np.float32))


def _draw(rng: np.random.Generator, key: str, shape: tuple[int, ...]) -> Any:
    if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) == 1:
        return rng.standard_normal(shape) * 0.03
    fan_in = int(np.prod(shape[1:]))
    rows = rng.standard_normal((shape[0], fan_in))
    centred = rows - rows.mean(axis=1, keepdims=True)
    return (centred * (_gain(key) / np.sqrt(fan_in))).reshape(shape)


def _gain(key: str) -> float:
    if key.startswith("head.fc"):
        return 1.5
    if key.startswith("neck."):
        return 1.2
    in_branch = ".branches." in key and key.endswith(".conv2.weight")
    in_layer1 = ".layer1." in key and key.endswith(".conv3.weight")
    return 0.6 if in_branch or in_layer1 else 1.0
