"""The documented test-time resize and normalisation; nothing here is random."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.errors import DatasetError

Pixels = NDArray[np.uint8] | Tensor
"""An image [H, W, 3] or labels [H, W] of uint8, on the host as an array or anywhere as a tensor."""

Resize = Callable[[NDArray[np.uint8], tuple[int, int]], NDArray[np.uint8]]
"""From an image [H, W, 3] uint8 and a (width, height) to the image resized."""


def keep_ratio_size(size: tuple[int, int], scale: tuple[int, int]) -> tuple[int, int]:
    """Return the (width, height) of an image resized into a box without changing its shape.

    The longer side fits the box's longer side and the shorter the shorter, whichever binds;
    small images grow. Sizes are rounded by adding a half and truncating.

    Args:
        size: (width, height) of the image.
        scale: the box; the order of its sides does not matter.

    Source:
        mmcv 1.4.0, mmcv/image/geometric.py, rescale_size.
    """
    factor = min(max(scale) / max(size), min(scale) / min(size))
    return int(size[0] * factor + 0.5), int(size[1] * factor + 0.5)


def resize_keep_ratio(image: NDArray[np.uint8], scale: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize [H, W, C] uint8 into the box ``scale`` (width, height).

    OpenCV's fixed-point bilinear on uint8 is part of the documented numbers: Pillow, torchvision
    or float arithmetic change 0.2 to 0.3 % of the predicted pixels.

    Raises:
        DatasetError: so thin an image would lose its last row or column.
    """
    height, width = image.shape[:2]
    size = keep_ratio_size((width, height), scale)
    if size == (width, height):
        return image
    if 0 in size:
        msg = (
            f"An image of {width} x {height} pixels has no pixels left when it is resized into "
            f"{scale[0]} x {scale[1]}. It is too thin for this protocol."
        )
        raise DatasetError(msg)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def to_network_input(
    image: Pixels,
    normalisation: Normalisation,
    device: torch.device,
) -> Tensor:
    """Return the image, normalised, as [1, 3, H, W] float32 on ``device``.

    The bytes travel to the device, unless they are there already, and are normalised there; on a
    CPU a table tells what each of the 256 values becomes. The result is channels-last in memory,
    which convolutions on CPUs and recent GPUs prefer.

    Args:
        image: RGB [H, W, 3] uint8; it is left as it is.
        normalisation: mean, std and the channel order of the network's input.
        device: where the network is.

    Source:
        mmcv 1.4.0, mmcv/image/photometric.py, imnormalize, multiplies by the reciprocal in float64,
        and the data preprocessors of mmdetection 3 and mmpretrain 1 divide in float32. Both give
        the same float32 for every byte under every normalisation of the zoo.
    """
    mean, std = normalisation.mean, normalisation.std
    reverse = normalisation.channel_order == "bgr"
    if device.type == "cpu" and not isinstance(image, Tensor):
        values = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if reverse else image
        pixels = torch.from_numpy(cv2.LUT(values, _table(mean, std)))
    else:
        if not isinstance(image, Tensor):
            # Views and read-only arrays, as OpenCV and Pillow users have them, are copied first.
            image = torch.from_numpy(np.require(image, requirements=["C", "W"]))
        image = image.to(device)
        image = image.flip(2) if reverse else image
        pixels = _normalised(image.to(torch.float32), mean, std)
    return pixels.permute(2, 0, 1)[None]


def _normalised(pixels: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return pixels [..., 3] float32, written over by (value - mean) / std."""
    pixels -= _constant(mean, pixels.device)
    # Not multiplied by a reciprocal: rounded to float32, it moves the last bit of every fourth.
    pixels /= _constant(std, pixels.device)
    return pixels


@cache
def _table(mean: tuple[float, ...], std: tuple[float, ...]) -> NDArray[np.float32]:
    """Return what each value of a byte becomes in each channel, as [256, 1, 3] float32."""
    values = torch.arange(256, dtype=torch.float32)[:, None, None].repeat(1, 1, 3)
    return _normalised(values, mean, std).numpy()


@cache
def _constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return numbers [N] float32 on a device; a GPU stands still while a list is copied to it."""
    # Whoever needs it first may be in inference mode, and whoever is next may not.
    with torch.inference_mode(mode=False):
        return torch.tensor(values, dtype=torch.float32, device=device)
