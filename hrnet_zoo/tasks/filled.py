"""Weights for networks whose checkpoint is not at hand: random, the same everywhere, and sane.

A network as torch initialises it must not be timed: HRNet's activations shrink from block to block
until they are denormal numbers, with which CPUs compute several times as slowly. Here magnitudes
stay as in a trained network, and detectors find varied objects, so that what follows the network
has something to do.
"""

from __future__ import annotations

import re
import zlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.weights.state_dict import load_strict

_GAINS: dict[str, tuple[tuple[str, float], ...]] = {
    "segmentation": ((r"^decode_head\.conv_seg", 1.0), (r"", 0.7)),
    "detection": (
        (r"^backbone\..*fuse_layers", 0.6),
        (r"^backbone\.(layer|stage)\d.*conv[23]\.weight", 0.6),
        (r"^backbone", 1.0),
        (r"^neck\.reduction_conv", 0.035),
        (r"^neck\.lateral_convs", 0.35),
        (r"rpn_conv|shared_fcs", 1.4),
        (r"rpn_cls", 3.0),
        (r"rpn_reg", 0.35),
        (r"fc_cls", 9.0),
        (r"fc_reg|conv_centerness", 1.5),
        (r"semantic_head\.conv_logits", 1.0),
        (r"semantic_head\.lateral_convs", 0.7),
        (r"semantic_head", 1.2),
        (r"mask_head.*conv_res", 0.7),
        (r"mask_head.*\.convs\.", 1.7),
        (r"mask_head.*upsample", 2.8),
        (r"mask_head.*conv_logits|conv_cls", 4.0),
        (r"bbox_head\.conv_reg", 0.7),
        (r"", 1.0),
    ),
}
"""Standard deviation of weights, times the root of the fan-in; the first pattern found decides."""

_BIAS_SHIFTS = (
    (r"shared_fcs\.1\.bias", -1.5),
    (r"cls_convs\.3\.gn\.bias", -0.7),
    (r"mask_head.*\.convs\.\d\.conv\.bias", -0.5),
    (r"conv_cls\.bias", -6.0),
    (r"bbox_head\.conv_reg\.bias", 3.5),
    (r"", 0.0),
)
"""So that scores are spread and boxes have sizes; the first pattern found decides."""

_REDUCTION_INPUTS = 270
"""Channels into the neck of W18, for which its gain was found."""


def fill(model: nn.Module, task: str) -> None:
    """Make deterministic random numbers a network's weights; it may be on the meta device.

    Every entry depends on its name and shape alone.
    """
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    load_strict(model, {key: _entry(key, shape, task) for key, shape in shapes.items()})


@torch.inference_mode()
def spread_classes(model: FCN, image: Tensor) -> None:
    """Shift and scale a filled segmentor's classifier, so that labels are of many classes.

    As filled, one class wins nearly everywhere by its bias, and any variant would agree with any
    other. Afterwards the logits of every class have mean 0 and standard deviation 1 over an image.

    Args:
        model: on the CPU.
        image: [1, 3, H, W] float32, normalised.
    """
    logits = model.coarse_logits(image)
    mean, deviation = logits.mean(dim=(0, 2, 3)), logits.std(dim=(0, 2, 3))
    classifier = model.decode_head.conv_seg
    assert classifier.bias is not None
    classifier.weight /= deviation[:, None, None, None]
    classifier.bias.copy_((classifier.bias - mean) / deviation)


def _entry(key: str, shape: tuple[int, ...], task: str) -> Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    return torch.from_numpy(np.asarray(_draw(rng, key, shape, task), dtype=np.float32))


def _draw(
    rng: np.random.Generator, key: str, shape: tuple[int, ...], task: str
) -> NDArray[np.float64]:
    if key.endswith(".scale"):
        return np.asarray(rng.uniform(0.8, 1.2, shape))
    if key.endswith("running_var") or (key.endswith("weight") and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape)
    values = np.asarray(rng.standard_normal(shape))
    if key.endswith("weight"):
        return np.asarray(values * (_gain(key, shape, task) / np.sqrt(np.prod(shape[1:]))))
    values *= 0.1
    if key.endswith("fc_cls.bias"):
        values[-1] += 6.0  # background
    elif key.endswith(".bias"):
        values += next(shift for pattern, shift in _BIAS_SHIFTS if re.search(pattern, key))
    return values


def _gain(key: str, shape: tuple[int, ...], task: str) -> float:
    gain = next(value for pattern, value in _GAINS[task] if re.search(pattern, key))
    if key == "neck.reduction_conv.conv.weight":
        gain *= float(np.sqrt(_REDUCTION_INPUTS / shape[1]))
    return gain
