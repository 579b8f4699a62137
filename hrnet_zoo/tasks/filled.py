"""Weights for networks whose checkpoint is not at hand: random, the same everywhere, and sane.

A network as torch initialises it must not be timed: HRNet's activations shrink from block to block
until they are denormal numbers, with which CPUs compute several times as slowly. Here magnitudes
stay as in a trained network, and detectors find varied objects, so that what follows the network
has something to do.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.weights.state_dict import load_strict


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What random weights are like with which the networks of a task behave as if trained.

    Of patterns, the first one that is found in a weight's name decides.
    """

    gains: Sequence[tuple[str, float]]
    """Pattern, and standard deviation of weights times the root of the fan-in."""
    shifts: Sequence[tuple[str, float]] = ()
    """Pattern, and what is added to biases."""
    background: str | None = None
    """End of the names of biases whose last entry is the background's."""
    usual_inputs: Mapping[str, int] = field(default_factory=dict)
    """Weight -> the input channels for which its gain was found."""
    salt: str = ""
    """What names are drawn with, before them."""
    spread: float = 0.1
    """Standard deviation of biases and running means."""
    is_centred: bool = False
    """Whether all weights into a channel have mean 0; without, a mean over all positions would
    hardly depend on the image."""


_BACKGROUND_SHIFT = 6.0


def fill(model: nn.Module, filling: Filling) -> None:
    """Make deterministic random numbers a network's weights; it may be on the meta device.

    Every entry depends on its name and shape alone.
    """
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    load_strict(model, {key: _entry(key, shape, filling) for key, shape in shapes.items()})


def _entry(key: str, shape: tuple[int, ...], filling: Filling) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32((filling.salt + key).encode())))
    return torch.from_numpy(np.asarray(_draw(rng, key, shape, filling), dtype=np.float32))


def _draw(
    rng: np.random.Generator, key: str, shape: tuple[int, ...], filling: Filling
) -> NDArray[np.float64]:
    if key.endswith(".scale"):
        return np.asarray(rng.uniform(0.8, 1.2, shape))
    if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape)
    values = np.asarray(rng.standard_normal(shape))
    if key.endswith("weight"):
        if filling.is_centred:
            values -= values.mean(axis=tuple(range(1, len(shape))), keepdims=True)
        usual = filling.usual_inputs.get(key, shape[1])
        gain = _first_found(filling.gains, key) * float(np.sqrt(usual / shape[1]))
        return np.asarray(values * (gain / np.sqrt(np.prod(shape[1:]))))
    values *= filling.spread
    if filling.background is not None and key.endswith(filling.background):
        values[-1] += _BACKGROUND_SHIFT
    elif key.endswith(".bias"):
        values += _first_found(filling.shifts, key)
    return values


def _first_found(patterns: Sequence[tuple[str, float]], key: str) -> float:
    return next((value for pattern, value in patterns if re.search(pattern, key)), 0.0)
