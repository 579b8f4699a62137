"""The goldens of classifiers: their images, their networks, and what is compared how."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import torch
from classification_fill import filled
from fill import DATA, REFERENCE
from numpy.typing import NDArray
from torch import Tensor

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.models.classifier import HRNetClassifier, build_hrnet_classifier
from hrnet_zoo.tasks.classification.protocol import ClassificationProtocol, cropped_image

FOLDER = DATA / "classification"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "goldens" / "index.json").read_text())
GOLDENS = [name for name in INDEX if not name.startswith("fill_check")]
CPU = torch.device("cpu")
PROTOCOL = ClassificationProtocol(
    resize_short=256,
    crop=224,
    normalisation=Normalisation(
        channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    ),
)
LOGITS_TOLERANCE = 4e-4


@cache
def golden(name: str) -> dict[str, NDArray[np.float32]]:
    return dict(np.load(FOLDER / "goldens" / f"{name}.npz"))


@cache
def image(name: str) -> NDArray[np.uint8]:
    path = REFERENCE / f"{name}.png"
    return decode_image(read_bytes(path), path)


def network_input(name: str) -> Tensor:
    return to_network_input(cropped_image(image(name), PROTOCOL), PROTOCOL.normalisation, CPU)


@cache
def filled_model(width: str) -> HRNetClassifier:
    """The network that the goldens come from, not folded. Tests must leave it as they found it."""
    with torch.device("meta"):
        model = build_hrnet_classifier(width, 1000).eval()
    model.load_state_dict(filled(model), assign=True)
    return model.to(memory_format=torch.channels_last)


def thinned(name: str, array: str, values: Tensor) -> NDArray[np.float32]:
    """Return the part of an array [1, C, ...] that the goldens hold."""
    facts = INDEX[name]["arrays"][array]
    assert list(values.shape[1:]) == facts["shape"]
    if values.ndim == 2:
        return values[0].numpy()
    step = facts["spatial_stride"]
    return values[0, :: facts["channel_stride"], ::step, ::step].numpy()
