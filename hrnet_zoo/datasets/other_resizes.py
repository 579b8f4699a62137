"""How other libraries resize images; none of them makes the documented numbers.

They are for finding out what a number was made with.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from hrnet_zoo.datasets.transforms import Resize


def _opencv(interpolation: int) -> Resize:
    def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)

    return resize


def _pillow(resampling: Image.Resampling) -> Resize:
    def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(image).resize(size, resampling))

    return resize


def _torch(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    resized = F.interpolate(pixels, size[::-1], mode="bilinear", align_corners=False)
    return np.ascontiguousarray(resized[0].round().byte().permute(1, 2, 0).numpy())


USUAL_RESIZE = "OpenCV's bilinear"
"""Of `resize_keep_ratio`."""
RESIZES: Mapping[str, Resize] = {
    USUAL_RESIZE: _opencv(cv2.INTER_LINEAR),
    "OpenCV's nearest": _opencv(cv2.INTER_NEAREST),
    "Pillow's bilinear, which smooths": _pillow(Image.Resampling.BILINEAR),
    "Pillow's bicubic, which smooths": _pillow(Image.Resampling.BICUBIC),
    "torch's bilinear in float": _torch,
}
"""By what people call them."""
