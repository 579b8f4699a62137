from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.decoders import gives_upstreams_pixels, pillow_decoded
from hrnet_zoo.datasets.images import decode_image


def test_both_decoders_of_these_wheels_give_upstreams_pixels() -> None:
    assert gives_upstreams_pixels()
    assert gives_upstreams_pixels(pillow_decoded)


def test_a_pixel_that_is_one_level_off_is_seen() -> None:
    def off_by_one(content: bytes, path: Path) -> NDArray[np.uint8]:
        pixels = decode_image(content, path)
        pixels[0, 0, 0] ^= 1
        return pixels

    assert not gives_upstreams_pixels(off_by_one)
