"""What both packages get: rows, weights and pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from fill import BACKBONES, REFERENCE, calibrate, filled_state
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.segmentor import Segmentor
from hrnet_zoo.tasks.segmentation.setup import SegmentationSetup
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

CITYSCAPES_ROWS = {width: f"fcn_{width}_512x1024_40k_cityscapes" for width in BACKBONES}
ADE20K_ROWS = {width: f"fcn_{width}_512x512_80k_ade20k" for width in BACKBONES}

# Calibrated logits have this deviation; the tolerances are meant for it.
_LOGIT_DEVIATION = 3.0


@cache
def row(name: str) -> Row:
    """Return the row of that name in our manifest; upstream's configuration has the same name."""
    return load_zoo().row(name)


def setup_of(name: str) -> SegmentationSetup:
    """Return how the row is read."""
    found = row(name).setup
    assert isinstance(found, SegmentationSetup)
    return found


@cache
def weights(name: str) -> dict[str, Tensor]:
    """Return the row's filled state dict, its logits calibrated so that maps use many classes."""
    what = setup_of(name)
    model = build_segmentor(what.architecture, backbone=what.backbone, num_classes=what.num_classes)
    state = filled_state({key: tuple(value.shape) for key, value in model.state_dict().items()})
    width = {backbone: width for width, backbone in BACKBONES.items()}[what.backbone]
    try:
        calibrate(state, f"{width}_{what.dataset}")
    except KeyError:
        # The goldens know no W48, so its calibration is worked out by the same recipe.
        _calibrate_anew(model, state, what)
    return state


@torch.inference_mode()
def _calibrate_anew(model: Segmentor, state: dict[str, Tensor], what: SegmentationSetup) -> None:
    """Centre every class on the reference picture and scale all to one deviation, in ``state``."""
    state["decode_head.conv_seg.bias"].zero_()
    model.load_state_dict(state)
    x = to_network_input(picture((257, 391)), what.normalisation, torch.device("cpu"))
    logits = model.coarse_logits(x)[0].double()
    means = logits.mean(dim=(1, 2))
    scale = _LOGIT_DEVIATION / (logits - means[:, None, None]).std()
    weight = state["decode_head.conv_seg.weight"]
    state["decode_head.conv_seg.weight"] = (weight.double() * scale).float()
    state["decode_head.conv_seg.bias"] = (-means * scale).float()


@cache
def picture(size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return the top left part of the goldens' picture, mirrored at its borders where needed."""
    with Image.open(REFERENCE / "imgA.png") as image:
        whole = np.asarray(image.convert("RGB"))
    margins = [
        (0, max(0, wanted - there)) for wanted, there in zip(size, whole.shape, strict=False)
    ]
    extended = np.pad(whole, (*margins, (0, 0)), mode="symmetric")
    return np.ascontiguousarray(extended[: size[0], : size[1]])


@contextmanager
def without_convolutions(model: nn.Module, logits: Tensor) -> Iterator[None]:
    """Let a segmentor answer at once with a given head output, to time what follows it.

    Args:
        model: either package's network; both name their parts the same.
        logits: [1, K, h, w], what the head is to return.
    """
    with (
        mock.patch.object(model.backbone, "forward", return_value=[]),
        mock.patch.object(model.decode_head, "forward", return_value=logits),
    ):
        yield


def write_checkpoint(name: str, path: Path) -> Path:
    """Write the row's filled weights in the container of published checkpoints."""
    torch.save({"meta": {}, "state_dict": weights(name)}, path)
    return path
