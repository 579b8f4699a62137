"""The whole-model goldens of detectors: their input, their models, and what is compared how.

Models share backbone, neck and proposals, because their weights follow from key names: backbones
run once per input, and the rest of a model starts from their maps.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from detection_fill import entry
from fill import DATA, REFERENCE
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import resize_keep_ratio, to_network_input
from hrnet_zoo.models import build_detector
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.fcos import LevelOutput
from hrnet_zoo.models.detection.heads import MaskHead
from hrnet_zoo.models.detection.rpn import AnchorOutput
from hrnet_zoo.models.folding import folded

FOLDER = DATA / "detection"
ARCHITECTURES = {
    "faster": "faster_rcnn_hrnet",
    "mask": "mask_rcnn_hrnet",
    "cascade": "cascade_rcnn_hrnet",
    "cascade_mask": "cascade_mask_rcnn_hrnet",
    "htc": "htc_hrnet",
    "fcos": "fcos_hrnet",
}
RGB = Normalisation(
    channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
)
FCOS_OF_THE_README = Normalisation(
    channel_order="bgr", mean=(102.9801, 115.9465, 122.7717), std=(1.0, 1.0, 1.0)
)
FCOS_LATER = Normalisation(
    channel_order="bgr", mean=(103.53, 116.28, 123.675), std=(57.375, 57.12, 58.395)
)
ORIGINAL_SIZE = (240, 350)
GEOMETRY = ImageGeometry(size=(448, 653), scale_factors=(653 / 350, 448 / 240))
_PADDED_SIZE = (448, 672)

Arrays = dict[str, NDArray[Any]]


class Given(nn.Module):
    """Stands in for a part of a network whose output is known."""

    def __init__(self, maps: list[Tensor]) -> None:
        super().__init__()
        self._maps = maps

    def forward(self, _: Tensor) -> list[Tensor]:
        return list(self._maps)


@cache
def golden(model: str) -> Arrays:
    return dict(np.load(FOLDER / "goldens" / f"{model}.npz"))


@cache
def golden_masks(model: str) -> list[NDArray[np.bool_]]:
    content = gzip.decompress((FOLDER / "goldens" / f"{model}.masks.json.gz").read_bytes())
    return [decoded(code["size"], code["counts"]) for code in json.loads(content)]


def decoded(size: tuple[int, int], counts: str) -> NDArray[np.bool_]:
    """Return the mask [H, W] that COCO's text code stands for: runs column by column.

    A character holds five bits of a number, lowest first; the sixth says that more follow, and the
    highest of the last five is the sign. From the fourth on, numbers are differences from the one
    two before.
    """
    runs: list[int] = []
    number = shift = 0
    for character in counts:
        bits = ord(character) - 48
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        number -= (bits & 16 > 0) << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return values.reshape(size, order="F")


@cache
def network_input(normalisation: Normalisation) -> Tensor:
    image = cv2.imread(str(REFERENCE / "image_a.png"))
    assert image is not None
    rgb = np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8)
    x = to_network_input(resize_keep_ratio(rgb, (672, 448)), normalisation, torch.device("cpu"))
    assert tuple(x.shape[2:]) == GEOMETRY.size
    height, width = _PADDED_SIZE
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))


shared_entry = cache(entry)
"""Models have most of their weights in common; kept once they need a third of the memory."""


@cache
def model_w18(model: str) -> Detector:
    """The filled model, not folded. Tests must leave it as they found it."""
    with torch.device("meta"):
        detector = build_detector(ARCHITECTURES[model], backbone="w18", num_classes=80)
    state = {key: shared_entry(key, tuple(v.shape)) for key, v in detector.state_dict().items()}
    detector.load_state_dict(state, assign=True)
    return detector.to(memory_format=torch.channels_last)


@cache
def backbone_maps(fold: bool, normalisation: Normalisation) -> list[Tensor]:
    """What the backbone of every model makes of the image."""
    backbone: Any = model_w18("mask").backbone
    with torch.inference_mode():
        network = folded(backbone) if fold else backbone
        maps: list[Tensor] = network(network_input(normalisation))
    return maps


@contextmanager
def given_backbone(detector: Detector, maps: list[Tensor]) -> Iterator[Detector]:
    """Let a detector start from these maps instead of the image."""
    backbone = detector.backbone
    detector.backbone = Given(maps)
    try:
        yield detector
    finally:
        detector.backbone = backbone


def detect(
    detector: Detector,
    normalisation: Normalisation,
    threshold: float,
    geometry: ImageGeometry = GEOMETRY,
) -> Detections:
    with torch.inference_mode():
        found: Detections = detector(
            network_input(normalisation), geometry, score_threshold=threshold
        )
    return found


def threshold_of(model: str) -> float:
    return 0.001 if model == "htc" else 0.05


def as_arrays(found: Detections) -> ImageDetections:
    return ImageDetections(
        boxes=found.boxes.numpy(), scores=found.scores.numpy(), labels=found.labels.numpy()
    )


def reference(model: str, era: str = "v2") -> ImageDetections:
    stored = golden(model)
    return ImageDetections(
        boxes=stored[f"{era}_boxes"],
        scores=stored[f"{era}_scores"],
        labels=stored[f"{era}_labels"],
    )


@contextmanager
def recorded(detector: Detector) -> Iterator[dict[str, Any]]:
    """Collect the outputs of a detector's parts under their attribute names, while it runs."""
    outputs: dict[str, Any] = {}
    masks: list[Tensor] = []

    def keep(name: str) -> Any:
        return lambda _module, _inputs, output: outputs.update({name: output})

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in detector.named_modules()
        if name and not isinstance(module, nn.ModuleList)
    ]
    classify = MaskHead.classify

    def keep_masks(self: MaskHead, trunk: Tensor, labels: Tensor) -> Tensor:
        masks.append(classify(self, trunk, labels))
        return masks[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MaskHead, "classify", keep_masks)
        yield outputs
    for handle in handles:
        handle.remove()
    outputs["mask_logits"] = masks


def named_maps(outputs: dict[str, Any]) -> dict[str, Tensor]:
    """Return the recorded maps [1, C, H, W] under the names of the goldens."""
    named = {f"backbone{i}": x for i, x in enumerate(outputs["backbone"])}
    named |= {f"neck{i}": x for i, x in enumerate(outputs["neck"])}
    anchors: list[AnchorOutput] = outputs.get("rpn_head", [])
    for i, anchor in enumerate(anchors):
        named |= {f"rpn_cls_l{i}": anchor.logits, f"rpn_reg_l{i}": anchor.deltas}
    levels: list[LevelOutput] = outputs.get("bbox_head", [])
    for i, level in enumerate(levels):
        named |= {f"fcos_cls_l{i}": level.logits, f"fcos_reg_l{i}": level.distances}
        named |= {f"fcos_ctr_l{i}": level.centerness}
    if "roi_head.semantic_head" in outputs:
        named["semantic_feat"] = outputs["roi_head.semantic_head"]
    return named


def thinned(x: Tensor) -> NDArray[np.float32]:
    """Return the part of a map that the goldens hold."""
    c, h, w = x.shape[1:]
    kept: NDArray[np.float32] = x[
        0, :: max(1, c // 16), :: max(1, h // 8), :: max(1, w // 8)
    ].numpy()
    return kept


def pasted(masks: Tensor, boxes: Tensor) -> NDArray[np.bool_]:
    """Return masks [M, H, W] of the original image, computed on all of it, one by one."""
    height, width = ORIGINAL_SIZE
    y, x = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    images = []
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        grid_x = ((x - x1) / (x2 - x1) * 2 - 1).expand(height, width)
        grid_y = ((y - y1) / (y2 - y1) * 2 - 1)[:, None].expand(height, width)
        grid = torch.stack([grid_x, grid_y], dim=-1)
        values = F.grid_sample(mask[None, None], grid[None], align_corners=False)
        images.append(values[0, 0] >= 0.5)
    return torch.stack(images).numpy()
