"""Deterministic weights from key names alone: the same on every machine, for every model.

The rule is the one the golden outputs were made with; see data/README.md.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.filled import fill
from hrnet_zoo.tasks.segmentation.filling import SEGMENTATION_FILLING

DATA = Path(__file__).parents[1] / "tests" / "data"
REFERENCE = Path(__file__).parents[1] / "hrnet_zoo" / "reference"
BACKBONES = {"hr18s": "w18_small", "hr18": "w18", "hr48": "w48"}


def filled_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {key: torch.from_numpy(_draw(key, shape)) for key, shape in shapes.items()}


def filled_model(width: str, num_classes: int, dataset: str | None = None) -> Segmentor:
    """Return an FCN-HRNet with deterministic weights, its logits calibrated for ``dataset``."""
    model = build_segmentor("fcn_hrnet", backbone=BACKBONES[width], num_classes=num_classes)
    state = filled_state({key: tuple(value.shape) for key, value in model.state_dict().items()})
    if dataset is not None:
        calibrate(state, f"{width}_{dataset}")
    model.load_state_dict(state)
    return model


def small_segmentor() -> Segmentor:
    """Return a segmentor of the demo's size for 7 classes, filled as for timing."""
    model = build_segmentor("fcn_hrnet", backbone="w5_small", num_classes=7)
    fill(model, SEGMENTATION_FILLING)
    return model


def calibrate(state: dict[str, Tensor], case: str) -> None:
    """Scale and shift the classifier so that argmax maps use many classes."""
    calibration: dict[str, Any] = json.loads((DATA / "calib.json").read_text())[case]
    weight = state["decode_head.conv_seg.weight"].double() * calibration["scale"]
    state["decode_head.conv_seg.weight"] = weight.float()
    state["decode_head.conv_seg.bias"] = torch.tensor(calibration["bias"], dtype=torch.float32)


def _draw(key: str, shape: tuple[int, ...]) -> Any:
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    leaf = key.rpartition(".")[2]
    if leaf == "num_batches_tracked":
        return np.zeros(shape, np.int64)
    if leaf == "running_var" or (leaf == "weight" and len(shape) == 1):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if leaf == "weight":
        gain = 1.0 if key == "decode_head.conv_seg.weight" else 0.7
        deviation = gain / np.sqrt(np.prod(shape[1:]))
        return (rng.standard_normal(shape) * deviation).astype(np.float32)
    return (rng.standard_normal(shape) * 0.1).astype(np.float32)
