"""Deterministic weights for detectors from key names alone; the rule is in data/README.md."""

from __future__ import annotations

import re
import zlib
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# The first pattern found in a key decides; how far the draws of biases and weights are bent so
# that untrained networks give varied detections.
_BIAS_SHIFTS = [
    (r"shared_fcs\.1\.bias$", -1.5),
    (r"cls_convs\.3\.gn\.bias$", -0.7),
    (r"mask_head.*\.convs\.\d\.conv\.bias$", -0.5),
    (r"conv_cls\.bias$", -6.0),
    (r"bbox_head\.conv_reg\.bias$", 3.5),
]
_GAINS = [
    (r"^backbone\..*fuse_layers", 0.6),
    (r"^backbone\.(layer\d|stage\d).*(conv2|conv3)\.weight", 0.6),
    (r"^backbone", 1.0),
    (r"^neck\.reduction_conv", 0.035),
    (r"^neck\.lateral_convs", 0.35),
    (r"^neck", 1.0),
    (r"rpn_conv", 1.4),
    (r"rpn_cls", 3.0),
    (r"rpn_reg", 0.35),
    (r"shared_fcs", 1.4),
    (r"fc_cls", 9.0),
    (r"fc_reg", 1.5),
    (r"semantic_head\.conv_logits", 1.0),
    (r"semantic_head\.lateral_convs", 0.7),
    (r"semantic_head", 1.2),
    (r"mask_head.*conv_res", 0.7),
    (r"mask_head.*\.convs\.", 1.7),
    (r"mask_head.*upsample", 2.8),
    (r"mask_head.*conv_logits", 4.0),
    (r"bbox_head\.(cls|reg)_convs", 1.0),
    (r"bbox_head\.conv_cls", 4.0),
    (r"bbox_head\.conv_reg", 0.7),
    (r"bbox_head\.conv_centerness", 1.5),
]


def filled(model: nn.Module) -> dict[str, Tensor]:
    """Return the state dict that the rule gives a model, which may be on the meta device."""
    return {key: entry(key, tuple(value.shape)) for key, value in model.state_dict().items()}


def entry(key: str, shape: tuple[int, ...]) -> Tensor:
    """Return one entry of a state dict."""
    return torch.from_numpy(np.asarray(draw(key, shape)))


def draw(key: str, shape: tuple[int, ...]) -> Any:
    """Return the values of one entry, in its dtype."""
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    return _float_draw(rng, key, shape).astype(np.float32)


def _float_draw(rng: np.random.Generator, key: str, shape: tuple[int, ...]) -> Any:
    if key.endswith("running_mean"):
        return rng.standard_normal(shape) * 0.1
    if key.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape)
    if key.endswith(".scale"):
        return np.asarray(rng.uniform(0.8, 1.2, shape))
    if key.endswith(".bias"):
        return _bias(rng, key, shape)
    if len(shape) == 1:
        return rng.uniform(0.5, 1.5, shape)
    gain = _first(_GAINS, key, 1.0)
    if key == "neck.reduction_conv.conv.weight":
        gain *= np.sqrt(270 / shape[1])
    return rng.standard_normal(shape) * (gain / np.sqrt(np.prod(shape[1:])))


def _bias(rng: np.random.Generator, key: str, shape: tuple[int, ...]) -> Any:
    values = rng.standard_normal(shape) * 0.1
    if key.endswith("fc_cls.bias"):
        values[-1] += 6.0  # background
        return values
    return values + _first(_BIAS_SHIFTS, key, 0.0)


def _first(rules: list[tuple[str, float]], key: str, otherwise: float) -> float:
    return next((value for pattern, value in rules if re.search(pattern, key)), otherwise)
