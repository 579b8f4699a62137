"""The images that are timed: drawn ones, or files of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.image_header import MOST_PIXELS
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.errors import PrerequisiteError

_LONGEST_SIDE = 65500
"""OpenCV writes no longer sides as JPEG."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TimedImage:
    """An image as a file's content and as pixels."""

    name: str
    content: bytes
    """Encoded, as a file holds it."""
    pixels: NDArray[np.uint8]
    """RGB [H, W, 3]."""

    @property
    def size(self) -> tuple[int, int]:
        """Return (height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]


def image_from_file(path: Path) -> TimedImage:
    """Return the image in a file.

    Raises:
        DatasetError: it cannot be read.
    """
    content = read_bytes(path)
    return TimedImage(name=path.name, content=content, pixels=decode_image(content, path))


def drawn_image(size: tuple[int, int]) -> TimedImage:
    """Return an image of (width, height), the same one every time.

    Raises:
        PrerequisiteError: the image would be larger than image files can be.
    """
    width, height = size
    if max(width, height) > _LONGEST_SIDE or width * height > MOST_PIXELS:
        msg = (
            f"An image of {width} x {height} pixels would have to be drawn for this --scale, which "
            "is more than is read or written here. Pass a smaller one, or a file with --image."
        )
        raise PrerequisiteError(msg)
    encoded = cv2.imencode(".jpg", _draw(height, width))[1].tobytes()
    name = f"drawn, {width} x {height}"
    return TimedImage(name=name, content=encoded, pixels=decode_image(encoded, Path(name)))


def _draw(height: int, width: int) -> NDArray[np.uint8]:
    """Return [height, width, 3] uint8 with structure of all sizes, as photographs have it."""
    rng = np.random.default_rng(0)
    image = np.full((height, width, 3), 128.0, dtype=np.float32)
    for octave in range(1, 8):
        cells = 2**octave
        coarse = rng.normal(0, 60 / octave, (cells, 2 * cells, 3)).astype(np.float32)
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return image.clip(0, 255).astype(np.uint8)
