"""The detectors' parts, one by one, against upstream's or against the obvious loop."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from detection_fill import draw
from fill import REFERENCE
from support.detection_goldens import FCOS_LATER, FCOS_OF_THE_README, FOLDER, RGB
from torch import Tensor
from torchvision.models import resnext101_64x4d
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import keep_ratio_size, resize_keep_ratio, to_network_input
from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models.detection.boxes import (
    Numbers,
    clip,
    decode_deltas,
    decode_distances,
    grouped_nms,
    multiclass_nms,
)
from hrnet_zoo.models.detection.fcos import points
from hrnet_zoo.models.detection.necks import FPN, HRFPN
from hrnet_zoo.models.detection.roi_features import RoIFeatures, aligned, roi_levels
from hrnet_zoo.models.detection.rpn import STRIDES, base_anchors, grid_anchors
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.resnext import build_resnext

CPU = torch.device("cpu")
STDS = [(1.0, 1.0, 1.0, 1.0), (0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1)]
STDS.append((0.033, 0.033, 0.067, 0.067))
UNITS = {key: torch.from_numpy(value) for key, value in np.load(FOLDER / "units.npz").items()}


def test_fill_is_the_rule_the_goldens_were_made_with() -> None:
    shapes = {
        "backbone.conv1.weight": (64, 3, 3, 3),
        "roi_head.bbox_head.fc_cls.weight": (81, 1024),
        "roi_head.bbox_head.fc_cls.bias": (81,),
        "neck.reduction_conv.conv.weight": (256, 270, 1, 1),
        "backbone.bn1.running_var": (64,),
        "backbone.bn1.weight": (64,),
        "bbox_head.scales.0.scale": (),
        "bbox_head.conv_cls.bias": (80,),
    }
    for key, values in json.loads((FOLDER / "fill_check.json").read_text()).items():
        name, _, last = key.partition(" ")
        drawn = np.ravel(draw(name, shapes[name]))
        assert drawn[-1:].tolist() == values if last else drawn[:8].tolist() == values, key


@pytest.mark.parametrize("level", range(5))
def test_anchors(level: int) -> None:
    stride, size = STRIDES[level], [(3, 4), (2, 3), (1, 2), (1, 1), (1, 1)][level]
    assert torch.equal(base_anchors(stride, CPU), UNITS["base_anchors"][level])
    assert torch.equal(grid_anchors(size, stride, CPU), UNITS[f"grid_anchors_l{level}"])


@pytest.mark.parametrize("k", range(4))
def test_deltas(k: int) -> None:
    decoded = decode_deltas(UNITS["delta_rois"], UNITS["delta_in"], STDS[k], (257, 383))
    assert torch.equal(decoded, UNITS[f"delta_out_std{k}"])
    if k == 0:
        assert torch.equal(decoded, clip(UNITS["delta_out_noclip"], (257, 383)))


def test_deltas_of_several_classes() -> None:
    deltas = UNITS["delta_multi_in"].reshape(-1, 3, 4)
    decoded = decode_deltas(UNITS["delta_rois"][:, None], deltas, STDS[1], (257, 383))
    assert torch.equal(decoded.flatten(1), UNITS["delta_multi_out"])


def test_distances() -> None:
    where = points((3, 4), 8, CPU)
    assert torch.equal(where, UNITS["fcos_points_3x4_stride8"])
    decoded = decode_distances(where, UNITS["distance_in"], (22, 30))
    assert torch.equal(decoded, UNITS["distance_out"])


@pytest.mark.parametrize("output_size", [7, 14])
def test_roi_align(output_size: int) -> None:
    rois = UNITS["roialign_rois"]
    features = aligned(UNITS["roialign_feat"], rois[:, 1:], output_size, 8)
    assert (features - UNITS[f"roialign_out{output_size}"]).abs().max() <= 1e-6


def test_roi_align_on_several_threads_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    corners = torch.rand(100, 2) * 200
    boxes = torch.cat([corners, corners + 60 * torch.rand(100, 2)], dim=1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with torch.inference_mode():
        one = aligned(UNITS["roialign_feat"], boxes, 7, 8)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
        assert torch.equal(aligned(UNITS["roialign_feat"], boxes, 7, 8), one)


def test_roi_levels() -> None:
    assert torch.equal(roi_levels(UNITS["level_rois"][:, 1:]), UNITS["level_out"])


def test_every_roi_gets_the_features_of_its_own_level() -> None:
    pyramid = [torch.full((1, 2, 64 // s, 64 // s), float(i)) for i, s in enumerate((1, 2, 4, 8))]
    boxes = torch.tensor(
        [[0.0, 0, 250, 250], [0, 0, 30, 30], [0, 0, 130, 130], [0, 0, 500, 490], [5, 5, 5, 9]]
    )
    means = RoIFeatures(pyramid)(boxes, 7).mean(dim=(1, 2, 3))
    # The last map covers 256 pixels: the box of 500 hangs over its edge.
    assert means[[0, 1, 2, 4]].tolist() == [2, 0, 1, 0]
    assert RoIFeatures(pyramid)(boxes[:0], 7).shape == (0, 2, 7, 7)


@pytest.mark.parametrize("factors", [False, True])
def test_multiclass_nms(factors: bool) -> None:
    name = "nms_factor" if factors else "nms"
    found = multiclass_nms(
        UNITS["nms_boxes"][:, None],
        UNITS["nms_scores"][:, :-1],
        Numbers(),
        score_threshold=0.05,
        factors=torch.linspace(0, 1, 300) if factors else None,
    )
    assert torch.equal(found.boxes, UNITS[f"{name}_det"][:, :4])
    assert (found.scores - UNITS[f"{name}_det"][:, 4]).abs().max() <= 1e-7
    assert torch.equal(found.labels, UNITS[f"{name}_labels"])


def test_nms_of_many_boxes_takes_groups_in_turn_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    corners = torch.rand(500, 2) * 300
    boxes = torch.cat([corners, corners + 5 + 80 * torch.rand(500, 2)], dim=1)
    scores, groups = torch.rand(500), torch.randint(0, 7, (500,)) * 2
    at_once = grouped_nms(boxes, scores, groups, 0.5)
    monkeypatch.setattr("hrnet_zoo.models.detection.boxes._MANY_BOXES", {"cpu": 100})
    assert torch.equal(grouped_nms(boxes, scores, groups, 0.5), at_once)
    assert at_once.tolist() == plain_nms(boxes, scores, groups, 0.5)


def plain_nms(boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float) -> list[int]:
    """The definition: best first, unless a better one of the same group covers it."""
    kept: list[int] = []
    b, g = boxes.double().numpy(), groups.tolist()
    for i in scores.argsort(descending=True).tolist():
        same = [j for j in kept if g[j] == g[i]]
        overlap = np.minimum(b[same, 2:], b[i, 2:]) - np.maximum(b[same, :2], b[i, :2])
        shared = overlap.clip(min=0).prod(1)
        union = (b[same, 2:] - b[same, :2]).prod(1) + (b[i, 2:] - b[i, :2]).prod() - shared
        if not (shared > threshold * union).any():
            kept.append(i)
    return kept


def test_a_box_at_the_threshold_stays_and_a_score_at_it_goes() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [0, 0, 10, 5.1]])
    scores = torch.tensor([[0.9], [0.8], [0.05]])
    found = multiclass_nms(boxes[:, None], scores, Numbers(), score_threshold=0.05)
    assert found.scores.tolist() == pytest.approx([0.9, 0.8])


def test_one_number_that_is_not_one_is_reported_at_the_end_and_points_nowhere() -> None:
    numbers = Numbers()
    fine = torch.tensor([1.0, torch.inf])
    assert torch.equal(numbers.watched(fine), fine)
    numbers.require()
    assert numbers.watched(torch.tensor([torch.nan, 2.0])).tolist() == [0, 2]
    numbers.watched(fine)
    with pytest.raises(CheckpointError, match="outputs are not numbers"):
        numbers.require()


def test_nothing_found() -> None:
    found = multiclass_nms(torch.zeros(3, 1, 4), torch.zeros(3, 5), Numbers(), score_threshold=0.05)
    assert found.boxes.shape == (0, 4)
    assert found.scores.shape == found.labels.shape == (0,)


@pytest.mark.parametrize("stride", [1, 2])
def test_hrfpn(stride: int) -> None:
    neck, prefix = HRFPN([2, 3, 4, 5], 6, stride), f"hrfpn_s{stride}_"
    neck.load_state_dict(
        {key: UNITS[f"{prefix}param_{key}"] for key in neck.state_dict()}, strict=True
    )
    with torch.inference_mode():
        levels = neck([UNITS[f"{prefix}in{i}"] for i in range(4)])
    for i, level in enumerate(levels):
        stored = UNITS[f"{prefix}out{i}"]
        assert level.shape == stored.shape
        assert (level - stored).abs().max() <= 1e-6 * stored.abs().max()


def test_hrfpn_level_sizes_are_rounded_down() -> None:
    with torch.device("meta"):
        maps = [torch.empty(1, 2**i, 200 >> i, 336 >> i) for i in range(4)]
        two_stage, fcos = HRFPN([1, 2, 4, 8], 4)(maps), HRFPN([1, 2, 4, 8], 4, 2)(maps)
    assert tuple(two_stage[4].shape[2:]) == (12, 21)
    sizes = [tuple(level.shape[2:]) for level in fcos]
    assert sizes == [(100, 168), (50, 84), (25, 42), (13, 21), (6, 11)]


def test_resnext_and_fpn_are_torchvisions() -> None:
    torch.manual_seed(0)
    theirs = resnext101_64x4d(weights=None).eval()
    ours = build_resnext("x101_64x4d").eval()
    state = {key: v for key, v in theirs.state_dict().items() if not key.startswith("fc.")}
    ours.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 70, 90)
    with torch.inference_mode():
        expected = [theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))]
        for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
            expected.append(layer(expected[-1]))
        maps = ours(x)
        assert all(torch.equal(a, b) for a, b in zip(maps, expected[1:], strict=True))
        fast = folded(ours)(x)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded(ours).modules())
    assert all((a - b).abs().max() <= 1e-4 * b.abs().max() for a, b in zip(fast, maps, strict=True))
    compare_fpn(maps)


def compare_fpn(maps: list[Tensor]) -> None:
    channels = [x.shape[1] for x in maps]
    theirs = FeaturePyramidNetwork(channels, 16, LastLevelMaxPool())
    ours = FPN(channels, 16)
    kinds = {"inner_blocks": "lateral_convs", "layer_blocks": "fpn_convs"}
    state = {}
    for key, value in theirs.state_dict().items():
        kind, i, _, leaf = key.split(".")
        state[f"{kinds[kind]}.{i}.conv.{leaf}"] = value
    ours.load_state_dict(state, strict=True)
    with torch.inference_mode():
        expected = theirs({str(i): x for i, x in enumerate(maps)})
        levels = ours([x.clone() for x in maps])
    for level, wanted in zip(levels, expected.values(), strict=True):
        assert level.shape == wanted.shape
        assert (level - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_unknown_resnext() -> None:
    with pytest.raises(ValueError, match="x101_64x4d"):
        build_resnext("x50")


@pytest.mark.parametrize("case", json.loads((FOLDER / "resize_table.json").read_text()), ids=str)
def test_resized_and_padded_sizes(case: dict[str, Any]) -> None:
    width, height = keep_ratio_size((case["w"], case["h"]), (1333, 800))
    assert (width, height) == (case["new_w"], case["new_h"])
    assert (width / case["w"], height / case["h"]) == (case["w_scale"], case["h_scale"])
    assert (width + -width % 32, height + -height % 32) == (case["pad_w"], case["pad_h"])


def test_resized_pixels_and_normalised_values() -> None:
    stored = np.load(FOLDER / "preprocess.npz")
    image = cv2.imread(str(REFERENCE / "image_a.png"))
    assert image is not None
    resized = resize_keep_ratio(np.asarray(image, np.uint8), (672, 448))
    assert list(resized.shape) == stored["a_resized_shape"].tolist()
    assert np.array_equal(resized[::7, ::9], stored["a_resized"])
    assert np.array_equal(resized.reshape(-1, 3).sum(0, dtype=np.int64), stored["a_resized_sum"])
    readme_ms = Normalisation(
        channel_order="bgr", mean=(103.53, 116.28, 123.675), std=(1.0, 1.0, 1.0)
    )
    for name, normalisation in (
        ("rgb", RGB),
        ("bgr_102_std1", FCOS_OF_THE_README),
        ("bgr_103_std1", readme_ms),
        ("bgr_later", FCOS_LATER),
    ):
        x = to_network_input(np.ascontiguousarray(resized[..., ::-1]), normalisation, CPU)
        thinned = x[0].permute(1, 2, 0)[::29, ::31].numpy()
        assert np.array_equal(thinned, stored[f"a_{name}"]), name
