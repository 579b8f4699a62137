"""Drawing images again and again: how far a value would vary between samples of images.

Images are what varies between a sample and the next, so they are what a bootstrap draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000

_CHUNK = 100
"""Resamples drawn at a time; bounds the memory to a few tens of MB for any data set."""

_SEED = 0


def draw_images(num_images: int) -> NDArray[np.uint16]:
    """Return how often each resample draws each image, [RESAMPLES, N]; always the same draws.

    As many images are drawn as there are, with replacement.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    shares = np.full(num_images, 1 / num_images)
    chunks = [rng.multinomial(num_images, shares, _CHUNK) for _ in range(RESAMPLES // _CHUNK)]
    return np.concatenate([chunk.astype(np.uint16) for chunk in chunks])
