"""Detectors as networks: their layout, their size, and what small ones do."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import torch
from detection_fill import filled
from rows import build_row
from support.detection_goldens import ARCHITECTURES, FOLDER
from torch import Tensor, nn

from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.detector import Detections, Detector, ImageGeometry
from hrnet_zoo.models.detection.fcos import FCOS
from hrnet_zoo.models.detection.necks import FPN
from hrnet_zoo.models.detection.roi_head import CASCADE, RoIHead
from hrnet_zoo.models.detection.rpn import RPNHead
from hrnet_zoo.models.detection.two_stage import TwoStageDetector
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.resnext import ResNeXt
from hrnet_zoo.tasks.detection.setup import DetectionSetup
from hrnet_zoo.zoo.manifest import load_zoo

LAYOUTS = sorted(path.name.removesuffix(".txt.gz") for path in FOLDER.glob("keys/*.txt.gz"))
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "keys" / "index.json").read_text())
ROWS = [row for row in load_zoo().rows if isinstance(row.setup, DetectionSetup)]
SHORT_NAMES = {value: key for key, value in ARCHITECTURES.items()}
WITH_MASKS = {"mask_rcnn_hrnet", "cascade_mask_rcnn_hrnet", "htc_hrnet", "htc_x101"}

Layout = list[tuple[str, tuple[int, ...], str]]


def published_layout(name: str) -> Layout:
    text = gzip.decompress((FOLDER / "keys" / f"{name}.txt.gz").read_bytes()).decode()
    entries = [line.split(" ") for line in text.splitlines()]
    return [(k, tuple(map(int, s.split(","))) if s != "-" else (), t) for k, s, t in entries]


def layout(model: nn.Module) -> Layout:
    return [
        (key, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in model.state_dict().items()
    ]


def meta_model(name: str) -> Detector:
    short, _, width = name.rpartition("_")
    architecture, backbone = (
        ("htc_x101", "x101_64x4d") if width == "x101" else (ARCHITECTURES[short], width)
    )
    with torch.device("meta"):
        return build_detector(architecture, backbone=backbone, num_classes=80)


@pytest.mark.parametrize("name", LAYOUTS)
def test_state_dict_is_upstreams(name: str) -> None:
    model = meta_model(name)
    assert layout(model) == published_layout(name)
    assert len(published_layout(name)) == INDEX[name]["entries"]
    assert sum(p.numel() for p in model.parameters()) == INDEX[name]["parameters"]
    total = sum(value.numel() for value in model.state_dict().values())
    assert total == INDEX[name]["parameters_and_buffers"]


def test_there_are_19_layouts() -> None:
    assert set(LAYOUTS) == set(INDEX)
    assert len(LAYOUTS) == 19


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_is_built_with_its_published_layout(row: Any) -> None:
    architecture, backbone = row.setup.architecture, row.setup.backbone
    name = "htc_x101" if architecture == "htc_x101" else f"{SHORT_NAMES[architecture]}_{backbone}"
    with torch.device("meta"):
        model = build_row(row)
    assert isinstance(model, Detector)
    assert layout(model) == published_layout(name)
    assert model.has_masks == (row.setup.architecture in WITH_MASKS)
    assert not any(module.training for module in model.modules())


def test_there_are_30_rows() -> None:
    assert len(ROWS) == 30


GEOMETRY = ImageGeometry(size=(90, 120), scale_factors=(1.5, 1.25))


def small(architecture: str) -> Detector:
    """A detector with everything in it, narrow and shallow."""
    channels = 64
    if architecture == "htc_x101":
        backbone = ResNeXt((1, 1, 1, 1))
        neck = FPN(backbone.out_channels, channels)
        head = RoIHead(3, channels, num_stages=CASCADE, has_masks=True, is_hybrid=True)
        model: Detector = TwoStageDetector(backbone, neck, RPNHead(channels), head).eval()
    else:
        model = build_detector(architecture, backbone="w4_small", num_classes=3, channels=channels)
    model.load_state_dict(filled(model), assign=True)
    return model


def run(model: nn.Module, threshold: float = 0.0, **options: Any) -> Detections:
    image = torch.zeros(1, 3, 96, 128)
    image[:, :, :90, :120] = torch.linspace(-2, 2, 120) * torch.linspace(-1, 1, 90)[:, None]
    with torch.inference_mode():
        found: Detections = model(image, GEOMETRY, score_threshold=threshold, **options)
    return found


@pytest.mark.parametrize("architecture", DETECTORS)
def test_small_detectors_plain_folded_and_channels_last(architecture: str) -> None:
    model = small(architecture)
    plain = run(model)
    assert 0 < len(plain.boxes) <= 100
    assert plain.labels.min() >= 0
    assert plain.labels.max() < 3
    assert plain.boxes.min() >= 0
    assert (plain.boxes.amax(dim=0)[2:] <= torch.tensor([120 / 1.5, 90 / 1.25])).all()
    for other in (folded(model), model.to(memory_format=torch.channels_last)):
        found = run(other)
        assert found.labels.tolist() == plain.labels.tolist()
        assert torch.allclose(found.scores, plain.scores, atol=1e-4)
        assert torch.allclose(found.boxes, plain.boxes, atol=2e-2)
        if plain.masks is not None:
            assert found.masks is not None
            assert torch.allclose(found.masks, plain.masks, atol=1e-3)


@pytest.mark.parametrize("architecture", DETECTORS)
def test_masks_only_where_there_are_and_if_wanted(architecture: str) -> None:
    model = small(architecture)
    found, without = run(model), run(model, with_masks=False)
    assert without.masks is None
    assert torch.equal(found.boxes, without.boxes)
    if architecture in WITH_MASKS:
        assert found.masks is not None
        assert found.masks.shape == (len(found.boxes), 28, 28)
        assert found.masks.min() >= 0
        assert found.masks.max() <= 1
    else:
        assert found.masks is None


@pytest.mark.parametrize("architecture", DETECTORS)
def test_what_is_known_before_building_is_so(architecture: str) -> None:
    model, kind = small(architecture), DETECTORS[architecture]
    assert model.has_masks == kind.has_masks
    assert isinstance(model, TwoStageDetector) == kind.has_regions


@pytest.mark.parametrize("architecture", DETECTORS)
def test_an_image_without_detections(architecture: str) -> None:
    found = run(small(architecture), threshold=1.0)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.labels.shape == (0,)
    if architecture in WITH_MASKS:
        assert found.masks is not None
        assert found.masks.shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("architecture", "backbone", "channels", "reason"),
    [
        ("htc_hrnet", "x101_64x4d", 256, r"'x101_64x4d' must look like \"w18\""),
        ("htc_x101", "w18", 256, "'w18' must be one of: x101_64x4d"),
        ("fcos_hrnet", "w18", 100, "divisible by"),
        ("yolo", "w18", 256, "it can build: faster_rcnn_hrnet"),
    ],
)
def test_what_cannot_be_built(architecture: str, backbone: str, channels: int, reason: str) -> None:
    with torch.device("meta"), pytest.raises(PrerequisiteError, match=reason):
        build_detector(architecture, backbone=backbone, num_classes=3, channels=channels)


def test_fcos_outputs_keep_gradients_and_honour_channels() -> None:
    model = small("fcos_hrnet")
    assert isinstance(model, FCOS)
    assert {m.num_channels for m in model.modules() if isinstance(m, nn.GroupNorm)} == {64}
    assert {m.num_groups for m in model.modules() if isinstance(m, nn.GroupNorm)} == {32}
    levels = model.outputs(torch.linspace(-1, 1, 2 * 3 * 64 * 96).reshape(2, 3, 64, 96))
    assert [tuple(level.logits.shape) for level in levels[:2]] == [(2, 3, 8, 12), (2, 3, 4, 6)]
    assert all((level.distances > 0).all() for level in levels)
    total: Tensor = sum(
        (level.logits.sum() + level.distances.sum() + level.centerness.sum() for level in levels),
        start=torch.zeros(()),
    )
    total.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in model.parameters())
