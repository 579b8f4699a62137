"""Random parts of a data set, the same ones for the same seed."""

from __future__ import annotations

import numpy as np


def random_order(num_images: int, seed: int) -> list[int]:
    """Return the indices of all images in a random order; its first N are a random part of them.

    Folders are sorted by place or class: their first images are not like the others. A larger part
    of the same seed holds the smaller ones.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    return [int(index) for index in rng.permutation(num_images)]
