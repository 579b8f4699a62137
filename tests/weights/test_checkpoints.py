from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fill import filled_state
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.models import build_segmentor
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict

TINY = "w4_small"


def tiny(num_classes: int = 3, backbone: str = TINY) -> nn.Module:
    with torch.device("meta"):
        return build_segmentor("fcn_hrnet", backbone=backbone, num_classes=num_classes)


@pytest.fixture
def state() -> dict[str, Tensor]:
    return filled_state({key: tuple(value.shape) for key, value in tiny().state_dict().items()})


def saved(tmp_path: Path, content: Any, **options: Any) -> Path:
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path, **options)
    return path


class Malicious:
    """Writes a file when unpickled, if the unpickler lets it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("container", ["bare", "wrapped", "module", "numpy"])
def test_published_containers(
    tmp_path: Path, state: dict[str, Tensor], container: str, zipped: bool
) -> None:
    meta = {"CLASSES": ("a", "b"), "PALETTE": [[1, 2, 3]], "config": "text", "iter": 40000}
    content: Any = {
        "bare": state,
        "wrapped": {"meta": meta, "state_dict": OrderedDict(state)},
        "module": {"state_dict": {f"module.{key}": value for key, value in state.items()}},
        "numpy": {"meta": {"hook_msgs": {"best": np.float64(0.5)}}, "state_dict": state},
    }[container]
    path = saved(tmp_path, content, _use_new_zipfile_serialization=zipped)
    loaded, _ = read_state_dict(path)
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)


def test_training_leftovers_are_dropped(tmp_path: Path, state: dict[str, Tensor]) -> None:
    extra = {
        "auxiliary_head.conv_seg.weight": torch.zeros(1),
        "data_preprocessor.mean": torch.zeros(3),
    }
    loaded, _ = read_state_dict(saved(tmp_path, {"state_dict": state | extra}))
    assert loaded.keys() == state.keys()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_pickle_that_wants_to_run_code_is_refused_and_not_run(
    tmp_path: Path, zipped: bool
) -> None:
    victim = tmp_path / "victim"
    path = saved(tmp_path, {"state_dict": Malicious(victim)}, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError) as error:
        read_state_dict(path)
    assert not victim.exists()
    message = str(error.value)
    assert "was refused" in message
    assert "Nothing in it was run" in message
    assert len(message) < 500


def test_a_plain_malicious_pickle_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    path = tmp_path / "checkpoint.pth"
    path.write_bytes(pickle.dumps(Malicious(victim)))
    with pytest.raises(CheckpointError, match="refused"):
        read_state_dict(path)
    assert not victim.exists()


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_files(tmp_path: Path, state: dict[str, Tensor], damage: str) -> None:
    path = saved(tmp_path, {"state_dict": state})
    content = path.read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "empty": b"", "text": b"<html>404"}
    path.write_bytes(damaged[damage])
    with pytest.raises(CheckpointError, match=r"checkpoint\.pth"):
        read_state_dict(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pth cannot be read"):
        read_state_dict(tmp_path / "none.pth")


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {"a": 1}}, {"meta": {}}])
def test_files_without_weights(tmp_path: Path, content: Any) -> None:
    with pytest.raises(CheckpointError, match=r"no weights|not a state dict"):
        read_state_dict(saved(tmp_path, content))


def test_weights_arrive_in_the_model(state: dict[str, Tensor]) -> None:
    model = tiny()
    load_strict(model, state)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_missing_counters_are_tolerated(state: dict[str, Tensor]) -> None:
    model = tiny()
    load_strict(model, {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")})
    assert model.state_dict()["backbone.bn1.num_batches_tracked"] == 0


def test_a_missing_and_an_extra_key_are_named(state: dict[str, Tensor]) -> None:
    state["backbone.incre_modules.weight"] = state.pop("backbone.conv1.weight")
    with pytest.raises(CheckpointError) as error:
        load_strict(tiny(), state)
    assert "1 missing (backbone.conv1.weight)" in str(error.value)
    assert "1 unexpected (backbone.incre_modules.weight)" in str(error.value)


def test_checkpoint_of_another_width(state: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError) as error:
        load_strict(tiny(backbone="w6_small"), state)
    assert "The file holds an HRNet of width 4, the row needs 6." in str(error.value)


def test_checkpoint_of_another_depth(state: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError, match=r"805 missing \(backbone\.layer1\.2"):
        load_strict(tiny(backbone="w4"), state)


def test_checkpoint_of_another_data_set(state: dict[str, Tensor]) -> None:
    with pytest.raises(CheckpointError) as error:
        load_strict(tiny(num_classes=19), state)
    assert "a head for this many classes: 3, the row needs 19" in str(error.value)
    assert "decode_head.conv_seg.weight: file [3, 60, 1, 1], model [19, 60, 1, 1]" in str(
        error.value
    )


def test_another_dtype_is_called_so_and_not_another_shape(state: dict[str, Tensor]) -> None:
    state["backbone.conv1.weight"] = state["backbone.conv1.weight"].to(torch.int8)
    with pytest.raises(CheckpointError) as error:
        load_strict(tiny(), state)
    assert str(error.value) == (
        "The checkpoint has the model's names and shapes, but 1 of another dtype "
        "(backbone.conv1.weight: file int8, model float32). Save the weights as float32."
    )


@pytest.mark.parametrize("prefix", ["net.", "", "module.model."])
def test_names_that_are_all_others(state: dict[str, Tensor], prefix: str) -> None:
    """As in files of the backbone alone, or of HRNet's own repository."""
    others = {prefix + key.removeprefix("backbone."): value for key, value in state.items()}
    others = {key: value for key, value in others.items() if "decode_head" not in key}
    with pytest.raises(CheckpointError) as error:
        load_strict(tiny(), others)
    assert f"they are like {prefix}conv1.weight, the model's like backbone.conv1" in str(
        error.value
    )
    assert "another prefix" in str(error.value)


def test_nan_in_a_checkpoint(state: dict[str, Tensor]) -> None:
    state["backbone.conv2.weight"][0, 0, 0, 0] = float("nan")
    with pytest.raises(CheckpointError, match=r"NaN or infinity in 1 tensors \(backbone\.conv2"):
        load_strict(tiny(), state)
