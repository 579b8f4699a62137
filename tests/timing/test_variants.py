"""The parts of timing: what is computed, how answers are compared, weights and images."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import detection_fill
import fill
import numpy as np
import pytest
import torch
from rows import drawn_size, single_protocol
from torch import nn

import hrnet_zoo.demo
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.errors import PrerequisiteError
from hrnet_zoo.models import DETECTORS, build_detector, build_segmentor
from hrnet_zoo.models.detection.fcos import FCOS, FCOSHead
from hrnet_zoo.models.detection.necks import HRFPN
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.hrnet import HRNet
from hrnet_zoo.runs.load import load_predictor
from hrnet_zoo.tasks.detection.filling import DETECTION_FILLING
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.detection.timed import DETECTION_TIMING, TimedDetector
from hrnet_zoo.tasks.filled import fill as fill_in
from hrnet_zoo.tasks.predictor import Predictor
from hrnet_zoo.tasks.segmentation.filling import SEGMENTATION_FILLING, spread_classes
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, class_scores
from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING, TimedSegmentor
from hrnet_zoo.timing.agreement import (
    calibrated,
    combined,
    detection_agreement,
    has_noise,
    label_agreement,
    num_matched,
)
from hrnet_zoo.timing.bottlenecks import multiply_adds, peak_gflops
from hrnet_zoo.timing.engines import exported_network, require_possible
from hrnet_zoo.timing.inputs import TimedImage, drawn_image, image_from_file
from hrnet_zoo.timing.observations import Agreement, Engine
from hrnet_zoo.timing.variants import DOCUMENTED, DOCUMENTED_LOADING, Recipe, recipes
from hrnet_zoo.zoo.manifest import load_zoo

ZOO = load_zoo()
SEGMENTOR, DETECTOR, _ = load_zoo(hrnet_zoo.demo.MANIFEST).rows
IMAGES = sorted((hrnet_zoo.demo.DATA_ROOT / "scenes" / "leftImg8bit").rglob("*.png"))
CPU = torch.device("cpu")
FAST = Recipe(name="fast", fast=True)


def found(boxes: Any, scores: list[float], labels: list[int]) -> ImageDetections:
    return ImageDetections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels),
    )


def test_detections_are_matched_whatever_their_order() -> None:
    one, other = [0, 0, 10, 10], [50, 50, 90, 80]
    reference = found([one, other], [0.9, 0.9], [1, 2])
    assert num_matched(reference, found([other, one], [0.9, 0.9], [2, 1])) == 2
    assert num_matched(reference, found([one, other], [0.9, 0.9], [1, 1])) == 1
    assert num_matched(reference, found([one, other], [0.9, 0.898], [1, 2])) == 1
    assert num_matched(reference, found([one, [50, 50, 90, 80.2]], [0.9, 0.9], [1, 2])) == 2
    assert num_matched(reference, found([one, [50, 50, 90, 81]], [0.9, 0.9], [1, 2])) == 1
    assert num_matched(reference, found([], [], [])) == 0


def test_a_detection_has_one_partner_only() -> None:
    box = [0, 0, 10, 10]
    reference = found([box, box], [0.9, 0.9], [1, 1])
    assert num_matched(reference, found([box], [0.9], [1])) == 1
    assert detection_agreement(reference, found([box], [0.9], [1])).share == 0.5
    assert detection_agreement(found([box], [0.9], [1]), reference).share == 0.5


def test_boxes_cut_off_at_the_border_match_though_they_are_flat() -> None:
    reference = found([[8.3, 180, 31.4, 180]], [0.5], [0])
    assert num_matched(reference, found([[8.30001, 180, 31.39998, 180]], [0.5], [0])) == 1
    assert num_matched(reference, found([[9.3, 180, 31.4, 180]], [0.5], [0])) == 0


def test_two_empty_images_agree() -> None:
    assert detection_agreement(found([], [], []), found([], [], [])).share == 1


def test_label_agreement_counts_pixels_and_finds_the_largest_difference() -> None:
    reference = torch.zeros(1, 3, 4, 5)
    reference[:, 1] = 1
    ours = reference.clone()
    ours[0, 2, 0, :2] = 1.5
    agreement = label_agreement(reference, ours)
    assert agreement.share == 18 / 20
    assert agreement.num_compared == 20
    assert agreement.largest_logit_difference == 1.5
    ours[0, 0, 0, 0] = math.nan
    assert label_agreement(reference, ours).largest_logit_difference is None


def test_agreement_over_images_weighs_them_by_their_pixels() -> None:
    parts = [
        Agreement(share=1.0, num_compared=300, largest_logit_difference=0.1),
        Agreement(share=0.5, num_compared=100, largest_logit_difference=0.2),
    ]
    together = combined(parts)
    assert together.share == 0.875
    assert together.largest_logit_difference == 0.2
    assert combined([Agreement(share=1.0, num_compared=0)]).share == 1


def test_segmentors_are_filled_by_the_rule_of_the_goldens() -> None:
    model = build_segmentor("fcn_hrnet", backbone="w18_small", num_classes=19)
    fill_in(model, SEGMENTATION_FILLING)
    state = model.state_dict()
    expected = fill.filled_state({key: tuple(value.shape) for key, value in state.items()})
    for key, value in state.items():
        assert torch.equal(value, expected[key]), key


@pytest.mark.parametrize("architecture", [name for name in DETECTORS if name != "htc_x101"])
def test_detectors_are_filled_by_the_rule_of_the_goldens(architecture: str) -> None:
    with torch.device("meta"):
        model = build_detector(architecture, backbone="w5_small", num_classes=4, channels=32)
    fill_in(model, DETECTION_FILLING)
    for key, value in model.state_dict().items():
        assert torch.equal(value, detection_fill.entry(key, tuple(value.shape))), key


def test_filled_networks_do_not_run_into_denormal_numbers() -> None:
    model = build_segmentor("fcn_hrnet", backbone="w18_small", num_classes=19)
    fill_in(model, SEGMENTATION_FILLING)
    tiny = torch.finfo(torch.float32).tiny
    counts, scales = [], []

    def look(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        size = output.abs()
        counts.append(int(((size > 0) & (size < tiny)).sum()))
        scales.append(float(output.std()))

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(look)
    with torch.inference_mode():
        model(torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0)))
    assert sum(counts) == 0
    assert 1e-3 < min(scales) < max(scales) < 1e3


def test_filled_segmentors_see_all_their_classes() -> None:
    model = build_segmentor("fcn_hrnet", backbone="w18_small", num_classes=19)
    fill_in(model, SEGMENTATION_FILLING)
    image = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    spread_classes(model, image)
    with torch.inference_mode():
        logits = model.coarse_logits(image)
    assert logits.mean(dim=(0, 2, 3)).abs().max() < 1e-3
    assert (logits.std(dim=(0, 2, 3)) - 1).abs().max() < 1e-3
    share = torch.bincount(logits.argmax(dim=1).flatten(), minlength=19) / logits[0, 0].numel()
    assert share.max() < 0.5
    assert (share > 0).sum() > 12


def test_drawn_images_are_the_same_every_time_and_shrink_with_the_scale() -> None:
    row = ZOO.row("fcn_hr18s_512x1024_40k_cityscapes")
    image = drawn_image(drawn_size(row, (512, 256)))
    assert image.size == (256, 512)
    assert np.array_equal(image.pixels, drawn_image(drawn_size(row, (512, 256))).pixels)
    assert image.pixels.std() > 20
    assert np.array_equal(decode_image(image.content, Path("drawn")), image.pixels)
    detection = ZOO.row("fcos_hrnetv2p_w18_gn-head_4x4_1x_coco")
    assert drawn_image(drawn_size(detection)).size == (480, 640)


def predictor(row: Any) -> Predictor:
    return load_predictor(row, hrnet_zoo.demo.MANIFEST.parent, checkpoint=None, device="cpu")


def test_what_is_timed_of_a_segmentor_is_its_labels() -> None:
    made = predictor(SEGMENTOR)
    assert isinstance(made, SegmentationPredictor)
    image = image_from_file(IMAGES[0])
    bench = TimedSegmentor(made.model, [image], single_protocol(SEGMENTOR), CPU)
    expected = made.predict(image.pixels).labels
    for recipe in (DOCUMENTED, FAST, Recipe(name="bf16", fast=True, precision="bf16")):
        labels = bench.variant(recipe).run()
        assert isinstance(labels, np.ndarray)
        assert labels.shape == (1, *image.size)
        least = 0.98 if recipe.precision == "bf16" else 0.9999
        assert (labels[0] == expected).mean() >= least


def test_every_image_of_a_batch_gets_its_labels() -> None:
    made = predictor(SEGMENTOR)
    assert isinstance(made, SegmentationPredictor)
    image = image_from_file(IMAGES[0])
    bench = TimedSegmentor(made.model, [image], single_protocol(SEGMENTOR), CPU)
    expected = bench.variant(DOCUMENTED).run()
    variant = bench.variant(Recipe(name="fast", fast=True, batch=2))
    labels = variant.run()
    assert isinstance(expected, np.ndarray)
    assert isinstance(labels, np.ndarray)
    assert labels.shape == (2, *image.size)
    for part in labels:
        assert (part == expected[0]).mean() >= 0.9999
    assert variant.agree().num_compared == labels.size


def test_one_wrong_image_of_a_batch_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = predictor(SEGMENTOR)
    assert isinstance(made, SegmentationPredictor)
    compute = FCN.coarse_logits

    def last_is_upside_down(self: FCN, image: torch.Tensor) -> torch.Tensor:
        logits = compute(self, image)
        return torch.cat([logits[:-1], logits[-1:].flip(2)]) if len(image) > 1 else logits

    monkeypatch.setattr(FCN, "coarse_logits", last_is_upside_down)
    image = image_from_file(IMAGES[0])
    bench = TimedSegmentor(made.model, [image], single_protocol(SEGMENTOR), CPU)
    share = bench.variant(Recipe(name="fast", fast=True, batch=2)).agree().share
    assert 0.5 <= share < 0.95


def test_the_documented_way_is_eager_contiguous_and_not_folded() -> None:
    made = predictor(SEGMENTOR)
    assert isinstance(made, SegmentationPredictor)
    seen: list[tuple[bool, bool]] = []

    class Watched(FCN):
        def coarse_logits(self, image: torch.Tensor) -> torch.Tensor:
            folded = not any(isinstance(part, nn.BatchNorm2d) for part in self.modules())
            seen.append((image.is_contiguous(), folded))
            return super().coarse_logits(image)

    made.model.__class__ = Watched
    image = image_from_file(IMAGES[0])
    bench = TimedSegmentor(made.model, [image], single_protocol(SEGMENTOR), CPU)
    bench.variant(DOCUMENTED).run()
    bench.variant(FAST).run()
    assert seen == [(True, False), (False, True)]
    # What kernels differ by is found with others of them, of the same network.
    seen.clear()
    noise = bench.noise()
    assert seen == [(True, False), (False, False)]
    assert noise.share > 0.9999
    assert noise.largest_logit_difference is not None
    assert noise.largest_logit_difference < 1e-3


def test_noise_lowers_the_bar_by_twice_of_it_and_never_raises_it() -> None:
    def least(share: float) -> float:
        return calibrated(0.9999, Agreement(share=share, num_compared=10**6)).least

    assert [least(share) for share in (1, 0.99999, 0.9999, 0.4)] == [0.9999, 0.9999, 0.9998, 0.95]
    assert has_noise(torch.device("cuda", 0))
    assert not has_noise(CPU)


def test_windows_are_slid_as_in_the_evaluation() -> None:
    model = build_segmentor("fcn_hrnet", backbone="w5_small", num_classes=7)
    fill_in(model, SEGMENTATION_FILLING)
    protocol = SegmentationProtocol(
        scale=(120, 80),
        window=(64, 64),
        stride=(40, 40),
        normalisation=SEGMENTOR.setup.normalisation,
    )
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (80, 120, 3), dtype=np.uint8)
    image = TimedImage(name="noise", content=b"", pixels=pixels)
    labels = TimedSegmentor(model, [image], protocol, CPU).variant(DOCUMENTED).run()
    assert isinstance(labels, np.ndarray)
    expected = class_scores(
        model.coarse_logits, [pixels], protocol, size=image.size, device=CPU
    ).argmax(dim=0)
    assert (labels[0] == expected.numpy()).mean() > 0.999
    assert len(np.unique(labels)) > 1


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_exported_networks_give_the_logits_of_torch_in_every_shape(engine: Engine) -> None:
    model = build_segmentor("fcn_hrnet", backbone="w5_small", num_classes=7)
    # A stage's first module does all that the others do, and a branch's first block; each takes
    # a while to be exported.
    backbone = model.get_submodule("backbone")
    for name, part in list(backbone.named_modules()):
        if name in ("stage3", "stage4") or re.fullmatch(r"stage\d\.\d+\.branches\.\d+", name):
            assert isinstance(part, nn.Sequential)
            del part[1:]
    fill_in(model, SEGMENTATION_FILLING)
    network = exported_network(model, engine)
    generator = torch.Generator().manual_seed(0)
    images = [torch.randn(shape, generator=generator) for shape in ((1, 3, 64, 96), (2, 3, 50, 70))]
    images.append(images[1].flip(3).contiguous(memory_format=torch.channels_last))
    with torch.inference_mode():
        answers = [network(image) for image in images]
        # Compared after all were computed: no answer may have been written over by a later one.
        for image, answer in zip(images, answers, strict=True):
            expected = model.coarse_logits(image)
            assert answer.shape == expected.shape
            assert (answer - expected).abs().max() < 1e-4 * expected.std()


def test_openvino_cannot_report_its_use() -> None:
    code = (
        "import sys, torch\n"
        "from hrnet_zoo.timing.engines import OpenVinoPart\n"
        "OpenVinoPart(torch.nn.Conv2d(3, 7, 1).eval())(torch.zeros(1, 3, 32, 32))\n"
        "assert 'openvino.tools.ovc' in sys.modules\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_cpu_engines_leave_gpus_alone() -> None:
    recipe = Recipe(name="", fast=True, engine="openvino")
    with pytest.raises(PrerequisiteError, match="pass --device cpu"):
        require_possible(recipe, SEGMENTATION_TIMING, torch.device("cuda"))


def test_what_is_timed_of_a_detector_is_its_detections() -> None:
    made = predictor(DETECTOR)
    assert isinstance(made, DetectionPredictor)
    image = image_from_file(IMAGES[0])
    bench = TimedDetector(
        made.model, [image], DetectionProtocol.of(made.setup, with_masks=True), CPU
    )
    expected = made.predict(image.pixels)
    assert len(expected.labels) > 5
    for recipe in (DOCUMENTED, FAST):
        arrays = bench.variant(recipe).run()
        assert isinstance(arrays, list)
        boxes, scores, labels = arrays
        assert num_matched(expected, found(boxes, scores, labels)) == len(expected.labels)
    loaded = bench.variant(DOCUMENTED_LOADING).run()
    assert isinstance(loaded, ImageDetections)
    assert num_matched(expected, loaded) == len(expected.labels)


def test_lower_precision_goes_from_the_image_to_the_heads_without_a_stop() -> None:
    made = predictor(DETECTOR)
    assert isinstance(made, DetectionPredictor)
    half = Recipe(name="fast-bf16", fast=True, precision="bf16")
    network = TimedDetector.fast(made.model, half)
    assert isinstance(network, FCOS)
    made_maps: list[torch.Tensor] = []
    given_maps: dict[type[nn.Module], list[torch.Tensor]] = {}

    def keep(_part: nn.Module, _given: object, maps: list[torch.Tensor]) -> None:
        made_maps.extend(maps)

    def look(part: nn.Module, given: tuple[list[torch.Tensor]]) -> None:
        given_maps[type(part)] = list(given[0])

    for part in network.modules():
        if isinstance(part, HRNet):
            part.register_forward_hook(keep)
        if isinstance(part, HRFPN | FCOSHead):
            part.register_forward_pre_hook(look)
    with torch.inference_mode():
        network.outputs(torch.rand(1, 3, 64, 96))
    assert {maps.dtype for maps in made_maps} == {torch.bfloat16}
    assert all(a is b for a, b in zip(made_maps, given_maps[HRFPN], strict=True))
    assert {maps.dtype for maps in given_maps[FCOSHead]} == {torch.float32}


def test_masks_are_pasted_into_the_image() -> None:
    model = build_detector("mask_rcnn_hrnet", backbone="w5_small", num_classes=4, channels=32)
    fill_in(model, DETECTION_FILLING)
    protocol = DetectionProtocol(
        scale=(160, 96),
        size_divisor=32,
        score_threshold=0.0,
        normalisation=DETECTOR.setup.normalisation,
        with_masks=True,
    )
    image = drawn_image(drawn_size(DETECTOR))
    bench = TimedDetector(model, [image], protocol, CPU)
    for recipe in (DOCUMENTED, Recipe(name="bf16", fast=True, precision="bf16")):
        arrays = bench.variant(recipe).run()
        assert isinstance(arrays, list)
        boxes, scores, labels, masks = arrays
        assert len(boxes) == len(scores) == len(labels) > 5
        assert boxes.dtype == scores.dtype == np.float32
        assert masks.shape == (len(boxes), *image.size)
        assert masks.dtype == np.bool_
        assert 0 < masks.mean() < 1
    coded = bench.variant(DOCUMENTED_LOADING).run()
    assert isinstance(coded, ImageDetections)
    assert coded.masks is not None
    assert coded.masks[0]["size"] == list(image.size)


def test_recipes_are_one_per_engine_and_precision() -> None:
    names = [
        r.name for r in recipes(DETECTION_TIMING, ["torch", "compile", "torch"], ["fp32", "bf16"])
    ]
    assert names == [
        "documented", "documented-loading", "fast", "fast-bf16", "compile", "compile-bf16",
    ]  # fmt: skip


def test_multiply_adds_are_those_of_a_convolution() -> None:
    layer = nn.Conv2d(3, 8, 5, stride=2, padding=2)
    image = torch.zeros(1, 3, 32, 48)
    assert multiply_adds(lambda: layer(image)) == 8 * 16 * 24 * 3 * 25
    assert peak_gflops(CPU) > 0
