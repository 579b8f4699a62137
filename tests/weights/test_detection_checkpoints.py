"""Files for detectors: old names, old formats, and files that must not be loaded."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from detection_fill import entry
from rows import build_row, load_detector, load_segmentor
from torch import Tensor

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.tasks.networks import LoadedNetwork
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

State = dict[str, Tensor]
CPU = torch.device("cpu")

ZOO = load_zoo()

ROWS = {
    "fcn": "fcn_hr18_512x1024_40k_cityscapes",
    "faster": "faster_rcnn_hrnetv2p_w18_1x_coco",
    "mask": "mask_rcnn_hrnetv2p_w18_1x_coco",
    "cascade": "cascade_rcnn_hrnetv2p_w18_20e_coco",
    "cascade_mask": "cascade_mask_rcnn_hrnetv2p_w18_20e_coco",
    "htc": "htc_hrnetv2p_w18_20e_coco",
    "fcos": "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco",
}


drawn = cache(entry)


def small_row(kind: str, **changes: Any) -> Row:
    """A published row, its network made narrow and shallow."""
    row = ZOO.row(ROWS[kind])
    small = {"backbone": "w4_small", "num_classes": 3}
    if kind != "fcn":
        small["channels"] = 64 if kind == "fcos" else 8
    return row.model_copy(update={"setup": row.setup.model_copy(update=small | changes)})


def state_of(kind: str, **changes: Any) -> State:
    with torch.device("meta"):
        model = build_row(small_row(kind, **changes))
    return {key: drawn(key, tuple(value.shape)) for key, value in model.state_dict().items()}


def write(tmp_path: Path, state: State, *, zipped: bool = True) -> Path:
    path = tmp_path / "file.pth"
    content = {"meta": {"CLASSES": ("a",), "epoch": 12}, "state_dict": OrderedDict(state)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def load(tmp_path: Path, kind: str, state: State, *, zipped: bool = True) -> LoadedNetwork:
    return load_detector(small_row(kind), write(tmp_path, state, zipped=zipped), CPU)


def refusal(tmp_path: Path, kind: str, state: State) -> str:
    loads = load_segmentor if kind == "fcn" else load_detector
    with pytest.raises(CheckpointError) as error:
        loads(small_row(kind), write(tmp_path, state), CPU)
    message = str(error.value)
    assert message.startswith(ROWS[kind])
    assert len(message) < 700
    return message


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind != "fcn"])
def test_weights_of_an_old_file_arrive(tmp_path: Path, kind: str) -> None:
    state = state_of(kind)
    wrapped = {f"module.{key}": value for key, value in state.items()}
    loaded = load(tmp_path, kind, wrapped, zipped=False)
    assert loaded.taken.extra_keys == []
    assert all(torch.equal(value, state[key]) for key, value in loaded.model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_fcos_under_its_old_names(tmp_path: Path) -> None:
    state = state_of("fcos")
    old = {
        key.replace("head.conv_c", "head.fcos_c").replace("head.conv_r", "head.fcos_r"): value
        for key, value in state.items()
    }
    assert {key for key in old if "fcos" in key} == {
        f"bbox_head.fcos_{what}.{leaf}"
        for what in ("cls", "reg", "centerness")
        for leaf in ("weight", "bias")
    }
    loaded = load(tmp_path, "fcos", old)
    assert loaded.taken.extra_keys == []
    assert all(torch.equal(value, state[key]) for key, value in loaded.model.state_dict().items())


def test_extra_keys_of_a_detector_are_reported(tmp_path: Path) -> None:
    extra = {"backbone.incre_modules.0.weight": torch.zeros(2), "ema.decay": torch.zeros(())}
    loaded = load(tmp_path, "faster", state_of("faster") | extra)
    assert loaded.taken.extra_keys == list(extra)


def test_extra_keys_of_a_segmentor_are_refused(tmp_path: Path) -> None:
    extra = {"ema.decay": torch.zeros(())}
    assert "1 unexpected (ema.decay)" in refusal(tmp_path, "fcn", state_of("fcn") | extra)


@pytest.mark.parametrize("kind", ["faster", "mask", "cascade", "cascade_mask", "htc"])
def test_files_of_version_1_are_refused(tmp_path: Path, kind: str) -> None:
    old = {key.removeprefix("roi_head."): value for key, value in state_of(kind).items()}
    message = refusal(tmp_path, kind, old)
    assert "mmdetection 1.x (bbox_head." in message
    assert "background is the first class" in message


@pytest.mark.parametrize(
    ("file", "row", "hint"),
    [
        ("fcn", "faster", "It is a segmentation checkpoint (decode_head.*)"),
        ("fcn", "fcos", "It is a segmentation checkpoint (decode_head.*)"),
        ("faster", "fcn", "It is the checkpoint of a two-stage detector (roi_head.*)"),
        ("fcos", "fcn", "It is the checkpoint of a one-stage detector (bbox_head.*)"),
        ("htc", "fcn", "It is the checkpoint of an HTC"),
        ("mask", "faster", "It is the checkpoint of a detector with masks"),
        ("faster", "mask", "It is not the checkpoint of a detector with masks"),
        ("faster", "cascade", "It is not the checkpoint of a cascade"),
        ("cascade", "faster", "It is the checkpoint of a cascade"),
        ("htc", "cascade_mask", "It is the checkpoint of an HTC"),
        ("cascade_mask", "htc", "It is not the checkpoint of an HTC"),
        ("fcos", "faster", "It is the checkpoint of a one-stage detector"),
    ],
)
def test_a_file_of_another_network(tmp_path: Path, file: str, row: str, hint: str) -> None:
    assert hint in refusal(tmp_path, row, state_of(file))


@pytest.mark.parametrize(
    ("row", "changes", "hint"),
    [
        ("faster", {"backbone": "w6_small"}, "an HRNet of width 6, the row needs 4."),
        ("faster", {"num_classes": 20}, "classes, counting background: 21, the row needs 4."),
        ("cascade", {"num_classes": 20}, "classes, counting background: 21, the row needs 4."),
        ("fcos", {"num_classes": 20}, "a head for this many classes: 20, the row needs 3."),
        ("fcos", {"channels": 32}, "a neck of this many channels: 32, the row needs 64."),
    ],
)
def test_a_file_of_another_size(
    tmp_path: Path, row: str, changes: dict[str, Any], hint: str
) -> None:
    assert hint in refusal(tmp_path, row, state_of(row, **changes))


def test_htc_on_the_other_backbone(tmp_path: Path) -> None:
    state = state_of("htc") | {"backbone.layer4.0.conv1.weight": torch.zeros(1)}
    assert "It is a checkpoint on a ResNeXt" in refusal(tmp_path, "htc", state)


def test_a_missing_tensor_of_a_detector_is_named(tmp_path: Path) -> None:
    state = state_of("faster")
    del state["rpn_head.rpn_cls.bias"]
    assert "1 missing (rpn_head.rpn_cls.bias)" in refusal(tmp_path, "faster", state)
