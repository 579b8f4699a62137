"""The goldens reject the mistakes that are easily made.

What each mistake changes was recorded by making it in upstream's code; here it changes as much.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from support.classification_goldens import (
    FOLDER,
    LOGITS_TOLERANCE,
    filled_model,
    golden,
    image,
    network_input,
)
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.models import hrnet
from hrnet_zoo.models.classifier import HRNetClassifier
from hrnet_zoo.models.hrnet import Fusion
from hrnet_zoo.tasks.classification.protocol import (
    centre_corner,
    resize_short_side,
    short_side_size,
)

RECORDED: dict[str, dict[str, Any]] = json.loads((FOLDER / "mutations.json").read_text())
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)

Array = NDArray[Any]
Resize = Callable[[Array, tuple[int, int]], Array]


def normalised(crop: Array, mean: Any = MEAN, std: Any = STD, dtype: Any = np.float32) -> Tensor:
    values = (crop.astype(dtype) - np.array(mean, dtype)) / np.array(std, dtype)
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None]


def centre(pixels: Array, down: int = 0, right: int = 0) -> Array:
    top, left = centre_corner((pixels.shape[0], pixels.shape[1]), 224)
    return pixels[top + down : top + down + 224, left + right : left + right + 224]


def resized_by(resize: Resize, pixels: Array) -> Tensor:
    """Resize as documented, but otherwise."""
    size = short_side_size((pixels.shape[1], pixels.shape[0]), 256)
    return normalised(centre(resize(pixels, size)))


def resized_to(size: tuple[int, int], pixels: Array) -> Tensor:
    return resized_by(lambda x, _: pillow(x, size), pixels)


def pillow(pixels: Array, size: tuple[int, int], method: str = "BILINEAR") -> Array:
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling[method]))


def opencv(pixels: Array, size: tuple[int, int], method: int) -> Array:
    return cv2.resize(pixels, size, interpolation=method)


def torch_resize(
    pixels: Array, size: tuple[int, int], *, dtype: torch.dtype, antialias: bool, rounded: bool
) -> Array:
    x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].to(dtype)
    resized = F.interpolate(x, size=size[::-1], mode="bilinear", antialias=antialias)
    values = resized[0].permute(1, 2, 0).numpy()
    return np.clip(np.round(values), 0, 255) if rounded else values


def documented(pixels: Array) -> Array:
    return centre(resize_short_side(pixels, 256))


def square_first(pixels: Array) -> Tensor:
    side = round(min(pixels.shape[:2]) * 224 / 256)
    top, left = centre_corner((pixels.shape[0], pixels.shape[1]), side)
    return normalised(pillow(pixels[top : top + side, left : left + side], (224, 224)))


def pillow_by(method: str) -> Callable[[Array], Tensor]:
    return partial(resized_by, partial(pillow, method=method))


def torch_by(**how: Any) -> Callable[[Array], Tensor]:
    return partial(resized_by, partial(torch_resize, **how))


FLOAT = torch.float32
INPUTS: dict[str, Callable[[Array], Tensor]] = {
    "Pillow bicubic": pillow_by("BICUBIC"),
    "Pillow box": pillow_by("BOX"),
    "Pillow Lanczos": pillow_by("LANCZOS"),
    "OpenCV bilinear": partial(resized_by, partial(opencv, method=cv2.INTER_LINEAR)),
    "OpenCV area": partial(resized_by, partial(opencv, method=cv2.INTER_AREA)),
    "torch bilinear, antialias, uint8": torch_by(dtype=torch.uint8, antialias=True, rounded=False),
    "torch bilinear, antialias, float then rounded": torch_by(
        dtype=FLOAT, antialias=True, rounded=True
    ),
    "torch bilinear, no antialias, rounded": torch_by(dtype=FLOAT, antialias=False, rounded=True),
    "float antialias without rounding to uint8": torch_by(
        dtype=FLOAT, antialias=True, rounded=False
    ),
    "long side rounded (341) instead of truncated (340)": partial(resized_to, (341, 256)),
    "crop one lower": lambda x: normalised(centre(resize_short_side(x, 256), down=1)),
    "crop one to the right": lambda x: normalised(centre(resize_short_side(x, 256), right=1)),
    "resize to 256 x 256, then crop": partial(resized_to, (256, 256)),
    "resize straight to 224 x 224": partial(resized_to, (224, 224)),
    "short side 224, then crop": lambda x: normalised(centre(resize_short_side(x, 224))),
    "crop before resize (largest centre square, 7/8)": square_first,
    "BGR order": lambda x: normalised(documented(x)[:, :, ::-1], MEAN, STD),
    "mean and std in BGR order on RGB data": lambda x: normalised(
        documented(x), MEAN[::-1], STD[::-1]
    ),
    "mean 0.5, std 0.5": lambda x: normalised(documented(x), (127.5,) * 3, (127.5,) * 3),
    "not normalised, only / 255": lambda x: normalised(documented(x), (0,) * 3, (255,) * 3),
    "normalised in float64, rounded once (allowed)": lambda x: normalised(
        documented(x), dtype=np.float64
    ),
}


class WithoutLastReLU(nn.Module):
    def __init__(self, block: Any) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.block.bn1(self.block.conv1(x)))
        out = F.relu(self.block.bn2(self.block.conv2(out)))
        result: Tensor = self.block.bn3(self.block.conv3(out)) + self.block.downsample(x)
        return result


def no_final_relu(neck: Any) -> None:
    neck.final_layer = nn.Sequential(neck.final_layer.conv, neck.final_layer.bn)


def no_final_norm(neck: Any) -> None:
    neck.final_layer = nn.Sequential(neck.final_layer.conv, nn.ReLU())


def no_relu_on_the_way(neck: Any) -> None:
    steps = [nn.Sequential(step.conv, step.bn) for step in neck.downsample_layers]
    neck.downsample_layers = nn.ModuleList(steps)


def no_relu_at_the_end_of_blocks(neck: Any) -> None:
    neck.increase_layers = nn.ModuleList(
        WithoutLastReLU(block[0]) for block in neck.increase_layers
    )


def relu_after_sums(neck: Any) -> None:
    no_relu_on_the_way(neck)

    def forward(maps: list[Tensor]) -> Tensor:
        x, *others = (f(x) for f, x in zip(neck.increase_layers, maps, strict=True))
        for step, other in zip(neck.downsample_layers, others, strict=True):
            x = F.relu(step(x) + other)
        result: Tensor = neck.final_layer(x)
        return result

    neck.forward = forward


def only_the_coarsest(neck: Any) -> None:
    neck.forward = lambda maps: neck.final_layer(neck.increase_layers[3](maps[3]))


def without_the_finest(neck: Any) -> None:
    def forward(maps: list[Tensor]) -> Tensor:
        x = neck.increase_layers[1](maps[1])
        for i in (1, 2):
            x = neck.downsample_layers[i](x) + neck.increase_layers[i + 1](maps[i + 1])
        result: Tensor = neck.final_layer(x)
        return result

    neck.forward = forward


def in_neck(change: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda model: change(model.neck[0])


def maximum(model: Any) -> None:
    model.neck[1] = nn.AdaptiveMaxPool2d(1)


def larger_eps(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


def bilinear(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, Fusion):
            module._upsample = hrnet.bilinear


def finest_fused_only(model: Any) -> None:
    last = model.backbone.stage4[-1]

    def forward(branches: list[Tensor]) -> list[Tensor]:
        maps = [blocks(x) for blocks, x in zip(last.branches, branches, strict=True)]
        return [last.fuse_layers[0](maps), *maps[1:]]

    last.forward = forward


def no_bias(model: Any) -> None:
    model.head.fc.bias = None


NETWORKS: dict[str, Callable[[Any], object]] = {
    "final layer without ReLU": in_neck(no_final_relu),
    "final layer without BN": in_neck(no_final_norm),
    "downsampling without ReLU": in_neck(no_relu_on_the_way),
    "ReLU after each sum instead of before": in_neck(relu_after_sums),
    "increase bottlenecks without their last ReLU": in_neck(no_relu_at_the_end_of_blocks),
    "only the coarsest map through the neck": in_neck(only_the_coarsest),
    "finest map left out": in_neck(without_the_finest),
    "maximum instead of average pooling": maximum,
    "BN eps 1e-3": larger_eps,
    "bilinear instead of nearest in the fusions": bilinear,
    "no fusion in the last module of stage 4 for branches 1 to 3": finest_fused_only,
    "BN in training mode": lambda model: model.train(),
    "bias of the classifier left out": no_bias,
}


def effect(model: HRNetClassifier, x: Tensor, name: str) -> float:
    with torch.inference_mode():
        logits = model(x.contiguous(memory_format=torch.channels_last))
    return float(np.abs(logits[0].numpy() - golden(f"w18_{name}")["logits"]).max())


def agrees(measured: float, mutation: str, name: str) -> None:
    recorded = RECORDED[mutation][name]["max_dlogit"]
    if recorded < LOGITS_TOLERANCE:
        assert measured <= LOGITS_TOLERANCE
    else:
        assert measured > 100 * LOGITS_TOLERANCE
        assert measured == pytest.approx(recorded, rel=0.01)


def test_every_recorded_mistake_is_made() -> None:
    made = {*INPUTS, *NETWORKS}
    assert made == {name for name, effects in RECORDED.items() if "harbour" in effects}


@pytest.mark.parametrize("mutation", INPUTS)
def test_other_inputs(mutation: str) -> None:
    # The only mistake that does nothing where an image grows.
    name = "tower" if mutation == "torch bilinear, antialias, uint8" else "harbour"
    agrees(effect(filled_model("w18"), INPUTS[mutation](image(name)), name), mutation, name)


@pytest.mark.parametrize("mutation", NETWORKS)
def test_other_networks(mutation: str) -> None:
    model = copy.deepcopy(filled_model("w18"))
    NETWORKS[mutation](model)
    agrees(effect(model, network_input("harbour"), "harbour"), mutation, "harbour")
