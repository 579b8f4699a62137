"""Pictures: their size, classes and array types, what is seen in one, noise and blending."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

HEIGHT, WIDTH = 180, 270
IGNORED = 255
SKY, GRASS, ROAD, HOUSE, TREE, CAR, PERSON = range(7)
SCALE = 2
"""How much larger than the picture the canvas is."""

Floats = npt.NDArray[np.floating[Any]]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Colour = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One house, tree, car or person, as far as it can be seen."""

    category: int
    """Class index, as in the label map."""
    box: tuple[int, int, int, int]
    """x1, y1, x2, y2 round the visible pixels; x2 and y2 are exclusive."""
    mask: Mask
    """[H, W], true at the visible pixels."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture and what is in it."""

    image: Bytes
    """[H, W, 3], RGB."""
    label: Bytes
    """[H, W], class indices and 255 for ignored pixels."""
    instances: tuple[Instance, ...]
    """From far to near."""


def noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int) -> Floats:
    """Return smooth noise [H, W] of about unit variance; ``cell`` is its coarsest grain."""
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        grain = max(cell / 2**octave, 1.0)
        size = (math.ceil(shape[1] / grain) + 2, math.ceil(shape[0] / grain) + 2)
        coarse = rng.standard_normal((size[1], size[0]), np.float32)
        fine = cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
        total += np.asarray(fine) * 0.6**octave
    return total / 1.1


def mix(under: Floats, over: Floats | Sequence[float], share: Floats) -> Floats:
    """Blend two pictures; ``share`` [H, W] is how much of ``over`` to see."""
    weight = np.clip(share, 0, 1).astype(np.float32)[..., None]
    return under + (np.asarray(over, np.float32) - under) * weight
