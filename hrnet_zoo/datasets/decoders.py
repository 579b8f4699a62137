"""Whether JPEGs are decoded here into the pixels that the documented numbers were made with.

Versions say little: builds of one version differ in their JPEG library. So a small picture is
decoded, and the result held against what upstream's versions give.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

from hrnet_zoo.datasets.image_header import IMAGE_FORMATS, damaged, opened
from hrnet_zoo.datasets.images import decode_image, read_bytes

PICTURE = Path(__file__).with_name("picture.jpg")

DIGEST = "addae2d5f8cf"
"""SHA-256 of the pixels of `PICTURE`, its first 12 digits.

Source:
    The same from opencv-python-headless 4.8.1, 4.11.0 and 5.0.0, and Pillow 10.0, 11.3 and 13.0.
"""

Decode = Callable[[bytes, Path], NDArray[np.uint8]]
"""From a file's bytes, and its path for messages, to RGB [H, W, 3]."""


def pillow_decoded(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Return what Pillow makes of an image that OpenCV decodes here, RGB [H, W, 3].

    Raises:
        DatasetError: the file is damaged or not an image.
    """
    image = opened(content, path, IMAGE_FORMATS)
    try:
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
        raise damaged(path, str(error)) from None


def gives_upstreams_pixels(decode: Decode = decode_image) -> bool:
    """Whether a decoder makes of a JPEG what upstream's versions make of it."""
    pixels = np.ascontiguousarray(decode(read_bytes(PICTURE), PICTURE))
    return hashlib.sha256(pixels.tobytes()).hexdigest().startswith(DIGEST)
