from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from fill import BACKBONES, DATA, REFERENCE, filled_model
from torch import Tensor, nn

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.hrnet import build_hrnet
from hrnet_zoo.tasks.segmentation.protocol import (
    SegmentationProtocol,
    class_scores,
    evaluated_network,
    resized_images,
)
from hrnet_zoo.tasks.segmentation.setup import MS_FLIP_RATIOS
from hrnet_zoo.zoo.manifest import load_zoo

KEY_LISTS = sorted(DATA.glob("keys/*.txt.gz"))
INDEX: dict[str, Any] = json.loads((DATA / "goldens" / "index.json").read_text())
NUM_CLASSES = {"cityscapes": 19, "ade20k": 150, "pascal_context": 60}
CPU = torch.device("cpu")
IMAGENET = Normalisation(
    channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
)


def image_a() -> np.ndarray[Any, np.dtype[np.uint8]]:
    path = REFERENCE / "imgA.png"
    return decode_image(path.read_bytes(), path)


def published_layout(name: str) -> list[tuple[str, tuple[int, ...], str]]:
    lines = gzip.decompress((DATA / "keys" / name).read_bytes()).decode().splitlines()
    entries = [line.split(" ") for line in lines]
    return [(k, tuple(map(int, s.split(","))) if s != "-" else (), t) for k, s, t in entries]


def meta_model(backbone: str, num_classes: int) -> nn.Module:
    with torch.device("meta"):
        return build_segmentor("fcn_hrnet", backbone=backbone, num_classes=num_classes)


@pytest.mark.parametrize("path", KEY_LISTS, ids=lambda path: path.name.removesuffix(".txt.gz"))
def test_state_dict_is_upstreams(path: Any) -> None:
    width, num_classes = path.name.removesuffix(".txt.gz").split("_")
    model = meta_model(BACKBONES[width], int(num_classes))
    ours = [
        (key, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in model.state_dict().items()
    ]
    assert ours == published_layout(path.name)


def test_every_segmentation_row_has_a_published_layout() -> None:
    names = {path.name.removesuffix(".txt.gz") for path in KEY_LISTS}
    widths = {backbone: width for width, backbone in BACKBONES.items()}
    readings = [row.setup for row in load_zoo().rows if row.task == "segmentation"]
    assert len(readings) == 37
    assert {f"{widths[r.backbone]}_{r.num_classes}" for r in readings} == names


@pytest.mark.parametrize(
    ("backbone", "parameters"),
    [("w18_small", 3_939_309), ("w18", 9_640_849), ("w48", 65_858_659)],
)
def test_parameter_count_at_19_classes(backbone: str, parameters: int) -> None:
    model = meta_model(backbone, 19)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize("backbone", ["w4_small", "w18", "w32", "w40"])
@pytest.mark.parametrize("size", [(64, 96), (65, 99)])
def test_backbone_output_sizes(backbone: str, size: tuple[int, int]) -> None:
    with torch.device("meta"):
        model = build_hrnet(backbone)
        maps = model(torch.empty(2, 3, *size))
    width = int(backbone.removeprefix("w").removesuffix("_small"))
    # Every stride-2 step rounds up.
    sizes = [(-(-size[0] // stride), -(-size[1] // stride)) for stride in (4, 8, 16, 32)]
    expected = [(2, width * 2**i, *sizes[i]) for i in range(4)]
    assert [tuple(m.shape) for m in maps] == expected


def test_small_is_shallower_than_full() -> None:
    small, full = (build_hrnet(name) for name in ("w4_small", "w4"))
    assert len(small.layer1) == 2
    assert len(full.layer1) == 4
    assert [len(s) for s in (small.stage2, small.stage3, small.stage4)] == [1, 3, 2]
    assert [len(s) for s in (full.stage2, full.stage3, full.stage4)] == [1, 4, 3]


@pytest.mark.parametrize("name", ["18", "w0", "w18s", "hr18", "w18_tiny"])
def test_malformed_backbone_name(name: str) -> None:
    with pytest.raises(ValueError, match="w18_small"):
        build_hrnet(name)


def test_unknown_architecture() -> None:
    with pytest.raises(PrerequisiteError, match=r"fcn_resnet.*it can build: fcn_hrnet"):
        build_segmentor("fcn_resnet", backbone="w18", num_classes=2)


def test_built_model_is_in_eval_mode() -> None:
    assert not any(module.training for module in meta_model("w18_small", 7).modules())


def test_folding_leaves_no_batch_norm_and_the_original_alone() -> None:
    model = filled_model("hr18s", 19, "cityscapes")
    before = {key: value.clone() for key, value in model.state_dict().items()}
    network = folded(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    x = to_network_input(image_a(), IMAGENET, CPU)
    with torch.inference_mode():
        plain, fast = model(x), network(x)
    assert (plain.argmax(1) == fast.argmax(1)).float().mean() >= 0.9999
    assert (plain - fast).abs().max() <= 3e-4


def stored_part(full: Tensor, layout: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    c, s = layout["channel_stride"], layout["spatial_stride"]
    assert list(full.shape) == layout["shape"]
    return full.numpy()[::c, ::s, ::s]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("tag", [t for t, g in INDEX.items() if g["kind"] == "backbone"])
def test_backbone_and_head_goldens(tag: str, memory_format: torch.memory_format) -> None:
    golden = np.load(DATA / "goldens" / f"{tag}.npz")
    model = filled_model(INDEX[tag]["width"], 19, INDEX[tag]["dataset"])
    model = model.to(memory_format=memory_format)
    x = to_network_input(image_a(), IMAGENET, CPU)
    assert isinstance(model, FCN)
    with torch.inference_mode():
        maps = model.backbone(x)
        head = model.decode_head(maps)
    ours = {"input": x, "head": head} | {f"feat{i}": m for i, m in enumerate(maps)}
    for name, layout in INDEX[tag]["arrays"].items():
        difference = np.abs(stored_part(ours[name][0], layout) - golden[name]).max()
        limit = 2e-6 if name == "input" else 1e-4 + 1e-5 * layout["absmax"]
        assert difference <= limit, name


# Folded and one by one is what the other two and the single scale make up, and takes long.
INFERENCE = [
    pytest.param(tag, fold, batched, id=f"{tag}-{name}")
    for tag, golden in INDEX.items()
    if golden["kind"] != "backbone"
    for name, fold, batched in (
        ("plain", False, False),
        ("folded", True, False),
        ("folded, batched", True, True),
    )
    if (golden["kind"], name) != ("msflip", "folded")
]


@pytest.mark.parametrize(("tag", "fold", "batched"), INFERENCE)
def test_inference_goldens(tag: str, fold: bool, batched: bool) -> None:
    case = INDEX[tag]
    golden = np.load(DATA / "goldens" / f"{tag}.npz")
    model = filled_model(case["width"], NUM_CLASSES[case["dataset"]], case["dataset"])
    protocol = SegmentationProtocol(
        scale=tuple(case["img_scale"]),
        window=tuple(case["test_cfg"]["crop_size"]) if "crop_size" in case["test_cfg"] else None,
        stride=tuple(case["test_cfg"]["stride"]) if "stride" in case["test_cfg"] else None,
        normalisation=IMAGENET,
    )
    protocol = (
        replace(protocol, ratios=MS_FLIP_RATIOS, flip=True)
        if case["kind"] == "msflip"
        else protocol
    )
    model = model.to(memory_format=torch.channels_last)
    assert isinstance(model, FCN)
    network = evaluated_network(model) if fold else model
    image = image_a()
    scores = class_scores(
        network,
        resized_images(image, protocol),
        protocol,
        size=(image.shape[0], image.shape[1]),
        device=CPU,
        batched=batched,
    )
    name, limit = ("probs", 2e-5) if case["kind"] == "msflip" else ("logits", 3e-4)
    difference = np.abs(stored_part(scores, case["arrays"][name]) - golden[name]).max()
    assert difference <= limit
    assert (scores.argmax(0).numpy() != golden["pred"]).sum() <= 5
    if case["kind"] != "msflip":
        probabilities = stored_part(scores.softmax(0), case["arrays"]["probs"])
        assert np.abs(probabilities - golden["probs"]).max() <= 2e-5


def test_image_a_is_the_reference_image() -> None:
    digest = hashlib.sha256(image_a().tobytes()).hexdigest()
    assert digest == "2a3edf733d0796baa27aa6110aab9f6fd2a4530b49680c3ff82cac43507ce27e"
