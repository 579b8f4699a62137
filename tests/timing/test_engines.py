"""Networks in OpenVINO: upstream's goldens within their tolerance, whatever the shape."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from detection_fill import filled
from fill import DATA, REFERENCE, filled_model
from matching import match_detections
from support import classification_goldens, detection_goldens

from hrnet_zoo.datasets.images import decode_image
from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.models import DETECTORS, build_detector
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.models.detection.necks import FPN
from hrnet_zoo.models.detection.roi_head import RoIHead
from hrnet_zoo.models.detection.rpn import RPNHead
from hrnet_zoo.models.detection.two_stage import TwoStageDetector
from hrnet_zoo.models.fcn import FCN
from hrnet_zoo.models.folding import folded
from hrnet_zoo.models.resnext import ResNeXt
from hrnet_zoo.tasks.classification.timed import TimedClassifier
from hrnet_zoo.tasks.detection.timed import TimedDetector
from hrnet_zoo.tasks.segmentation.timed import SEGMENTATION_TIMING
from hrnet_zoo.timing.engines import exported_network, require_possible
from hrnet_zoo.timing.variants import Recipe

CPU = torch.device("cpu")
OPENVINO = Recipe(name="openvino", fast=True, engine="openvino")
INDEX: dict[str, Any] = json.loads((DATA / "goldens" / "index.json").read_text())


@pytest.mark.parametrize("tag", ["hr18s_cityscapes_imgA_backbone", "hr18_cityscapes_imgA_backbone"])
def test_segmentors_in_openvino_give_upstreams_logits(tag: str) -> None:
    case = INDEX[tag]
    model = filled_model(case["width"], 19, case["dataset"])
    assert isinstance(model, FCN)
    path = REFERENCE / "imgA.png"
    imagenet = Normalisation(
        channel_order="rgb", mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375)
    )
    x = to_network_input(decode_image(path.read_bytes(), path), imagenet, CPU)
    network, layout = exported_network(folded(model), "openvino"), case["arrays"]["head"]
    with torch.inference_mode():
        head = network(x)[0].numpy()
    c, s = layout["channel_stride"], layout["spatial_stride"]
    golden = np.load(DATA / "goldens" / f"{tag}.npz")["head"]
    assert np.abs(head[::c, ::s, ::s] - golden).max() <= 1e-4 + 1e-5 * layout["absmax"]


@pytest.mark.parametrize("name", ["faster", "fcos"])
def test_detectors_in_openvino_give_upstreams_maps_and_detections(name: str) -> None:
    of_fcos = detection_goldens.FCOS_OF_THE_README
    normalisation = of_fcos if name == "fcos" else detection_goldens.RGB
    network = TimedDetector.fast(detection_goldens.model_w18(name), OPENVINO)
    with detection_goldens.recorded(network) as outputs:
        found = detection_goldens.detect(network, normalisation, 0.05)
    golden = detection_goldens.golden(name)
    for i, x in enumerate(outputs["neck"]):
        expected = golden[f"v2_neck{i}"]
        limit = 1e-4 * np.abs(expected).max()
        assert np.abs(detection_goldens.thinned(x) - expected).max() <= limit
    reference = detection_goldens.reference(name)
    assert match_detections(reference, detection_goldens.as_arrays(found)).agrees


def test_classifiers_in_openvino_give_upstreams_logits() -> None:
    name = "w18_harbour"
    network = TimedClassifier.fast(classification_goldens.filled_model("w18"), OPENVINO)
    with torch.inference_mode():
        logits = network(classification_goldens.network_input("harbour"))[0]
    golden = classification_goldens.golden(name)["logits"]
    assert np.abs(logits.numpy() - golden).max() <= classification_goldens.LOGITS_TOLERANCE


def small(architecture: str) -> Detector:
    if architecture == "htc_x101":
        backbone = ResNeXt((1, 1, 1, 1))
        neck, head = FPN(backbone.out_channels, 64), RoIHead(3, 64)
        model: Detector = TwoStageDetector(backbone, neck, RPNHead(64), head).eval()
    else:
        model = build_detector(architecture, backbone="w4_small", num_classes=3, channels=64)
    model.load_state_dict(filled(model), assign=True)
    return model


@pytest.mark.parametrize("architecture", DETECTORS)
def test_one_conversion_serves_inputs_of_all_shapes(architecture: str) -> None:
    model = small(architecture)
    plain, network = folded(model), TimedDetector.fast(model, OPENVINO)
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn((1, 3, *size), generator=generator) for size in ((96, 128), (160, 64))]
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = [network.neck(network.backbone(x)) for x in inputs]
        for x, answer in zip(inputs, answers, strict=True):
            for expected, found in zip(plain.neck(plain.backbone(x)), answer, strict=True):
                assert found.shape == expected.shape
                assert (found - expected).abs().max() <= 1e-4 + 1e-5 * expected.abs().max()


def test_too_thin_images_are_explained_in_openvino_as_in_torch() -> None:
    network = TimedDetector.fast(small("fcos_hrnet"), OPENVINO)
    with pytest.raises(DatasetError, match="320 x 32 pixels is too thin"):
        network.backbone(torch.zeros(1, 3, 32, 320))


@pytest.mark.parametrize("hip", [None, "6.4.43482"])
def test_tf32_is_a_mode_of_nvidia_and_not_of_all_that_torch_calls_cuda(
    monkeypatch: pytest.MonkeyPatch, hip: str | None
) -> None:
    monkeypatch.setattr(torch.version, "hip", hip)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 4))
    fast = Recipe(name="fast-tf32", fast=True, precision="tf32")
    gpu = torch.device("cuda", 0)
    if hip is None:
        require_possible(fast, SEGMENTATION_TIMING, gpu)
        return
    with pytest.raises(PrerequisiteError, match="TF32 is a mode of NVIDIA GPUs from Ampere on"):
        require_possible(fast, SEGMENTATION_TIMING, gpu)
