"""The containers, prefixes and dtypes that people's checkpoints come in."""

from __future__ import annotations

import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rows import build_row
from torch import Tensor, nn

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.weights.checkpoint_file import read_state_dict
from hrnet_zoo.weights.state_dict import load_strict
from hrnet_zoo.weights.taken import Taken
from hrnet_zoo.zoo.manifest import load_zoo

FIRST, HEAD = "backbone.conv1.weight", "decode_head.conv_seg.bias"
COUNTER = "backbone.bn1.num_batches_tracked"
STATE = {
    FIRST: torch.tensor([0.5, -1 / 3, 2e-3]),
    COUNTER: torch.tensor(40000),
    HEAD: torch.tensor([1.5, 2.5]),
}
OPTIMIZER = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 0.1}]}


def saved(tmp_path: Path, content: Any, **options: Any) -> Path:
    path = tmp_path / "mine.pth"
    torch.save(content, path, **options)
    return path


def read(tmp_path: Path, content: Any, **options: Any) -> Taken:
    """Return what was done to a file whose weights must be those of STATE."""
    state, taken = read_state_dict(saved(tmp_path, content, **options))
    assert state.keys() == STATE.keys()
    assert all(torch.equal(state[key], value) for key, value in STATE.items())
    return taken


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        read_state_dict(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert len(message) < 600
    return message.removeprefix(str(path))


def prefixed(prefix: str) -> dict[str, Tensor]:
    return {prefix + key: value for key, value in STATE.items()}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("key", ["model", "model_state_dict"])
def test_weights_under_the_keys_of_other_trainers(tmp_path: Path, key: str, zipped: bool) -> None:
    content = {"epoch": 3, "optimizer": OPTIMIZER, key: STATE}
    taken = read(tmp_path, content, _use_new_zipfile_serialization=zipped)
    assert taken == Taken(container=key)
    assert taken.remarks == [f'its weights are under "{key}"']


@pytest.mark.parametrize(
    ("content", "container"), [(STATE, None), ({"state_dict": STATE, "model": "w18"}, "state_dict")]
)
def test_published_forms_need_no_remark(
    tmp_path: Path, content: Any, container: str | None
) -> None:
    taken = read(tmp_path, content)
    assert taken == Taken(container=container)
    assert taken.remarks == []


@pytest.mark.parametrize("key", ["ema_state_dict", "state_dict_ema", "model_ema"])
def test_an_average_beside_the_weights_is_not_used_and_named(tmp_path: Path, key: str) -> None:
    average = {f"module.{name}": 2 * value for name, value in STATE.items()}
    taken = read(tmp_path, {key: average, "state_dict": STATE, "optimizer": OPTIMIZER})
    assert taken == Taken(container="state_dict", other_containers=[key])
    assert taken.remarks == [f'its weights under "state_dict" are used, not those under "{key}"']


def test_an_average_alone_is_no_candidate(tmp_path: Path) -> None:
    message = refusal(saved(tmp_path, {"ema_state_dict": STATE, "epoch": 3}))
    assert message == (
        ' holds no weights: expected a dict of tensors, alone or under "state_dict", '
        '"model_state_dict" or "model", found a dict with the keys: ema_state_dict, epoch. Pass a '
        "checkpoint of this row."
    )


def test_two_candidates_are_refused(tmp_path: Path) -> None:
    message = refusal(saved(tmp_path, {"model": STATE, "state_dict": STATE}))
    assert 'holds weights under "state_dict" and "model"' in message
    assert 'torch.save({"state_dict": weights}, FILE)' in message


@pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "net."])
def test_a_prefix_of_all_names_is_taken_off(tmp_path: Path, prefix: str) -> None:
    taken = read(tmp_path, {"state_dict": prefixed(prefix)})
    assert taken.prefix == prefix
    assert taken.remarks == [f'"{prefix}" was taken off all names']


def test_what_only_training_needs_is_dropped_below_a_prefix_too(tmp_path: Path) -> None:
    leftover = {"model.auxiliary_head.conv_seg.bias": torch.zeros(1)}
    read(tmp_path, {"state_dict": prefixed("model.") | leftover})


def test_a_prefix_of_some_names_is_refused(tmp_path: Path) -> None:
    content = {"state_dict": prefixed("model.") | {"loss.weight": torch.ones(1)}}
    message = refusal(saved(tmp_path, content))
    assert message.startswith(
        ': 3 of its 4 names begin with "model.", the others do not (loss.weight), so that it '
        "cannot be taken off as a prefix."
    )


@pytest.mark.parametrize("others", [("student.", "teacher."), ("", "ema_model.module.")])
def test_two_networks_in_one_dict_are_refused(tmp_path: Path, others: tuple[str, str]) -> None:
    first, second = others
    message = refusal(saved(tmp_path, prefixed(first) | prefixed(second)))
    names = f'"{first}backbone." and "{second}backbone."'
    assert f"holds 2 networks, whose names begin with {names}" in message


def test_every_network_has_the_weight_that_prefixes_are_found_by() -> None:
    zoo = load_zoo()
    by_architecture = {row.setup.architecture: row for row in zoo.rows}
    by_architecture |= {getattr(row.setup, "backbone", ""): row for row in zoo.rows}
    with torch.device("meta"):
        for row in by_architecture.values():
            names = [name for name in build_row(row).state_dict() if name.endswith(FIRST)]
            assert names == [FIRST], row.name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_other_sizes_become_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    stored = {key: value.to(dtype) if value.ndim else value for key, value in STATE.items()}
    state, taken = read_state_dict(saved(tmp_path, {"state_dict": stored}))
    name = str(dtype).removeprefix("torch.")
    assert taken.converted == {name: 2}
    assert taken.remarks == [f"tensors stored as {name} and converted to float32: 2"]
    assert state[FIRST].dtype == state[HEAD].dtype == torch.float32
    assert torch.equal(state[FIRST], STATE[FIRST].to(dtype).float())
    assert torch.equal(state[COUNTER], STATE[COUNTER])


def test_counters_that_were_cast_are_not_used(tmp_path: Path) -> None:
    """`{k: v.half() ...}` makes infinity of 80000 iterations; no network reads them."""
    stored = {key: value.half() for key, value in STATE.items()} | {
        COUNTER: torch.tensor(8e4).half()
    }
    state, taken = read_state_dict(saved(tmp_path, stored))
    assert state.keys() == {FIRST, HEAD}
    assert taken.converted == {"float16": 2}


def test_a_value_too_large_for_float16(tmp_path: Path) -> None:
    stored = STATE | {"backbone.bn1.running_var": torch.tensor([70000.0]).half()}
    message = refusal(saved(tmp_path, stored))
    assert message.startswith(
        ": backbone.bn1.running_var is stored as float16 and holds NaN or inf"
    )


def sparse() -> Tensor:
    return torch.eye(3).to_sparse()


def without_data() -> Tensor:
    return torch.ones(3, device="meta")


def repeated() -> Tensor:
    return torch.ones(1).half().expand(2**40)


def quantized() -> Tensor:
    return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)


def nested() -> Tensor:
    return torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize(
    ("make", "form"),
    [
        (sparse, "holds a sparse tensor, as no weights need"),
        (without_data, "conv1.weight is not stored as an ordinary tensor (strided, float32, meta)"),
        (repeated, "conv1.weight is not stored as an ordinary tensor (strided, float16, cpu)"),
        (nested, "holds a nested tensor, as no weights need"),
        (quantized, "holds a quantized tensor, as no weights need"),
    ],
)
@pytest.mark.parametrize("where", ["a weight", "another key", "beside the weights"])
def test_tensors_without_plain_values(
    tmp_path: Path, make: Callable[[], Tensor], form: str, where: str
) -> None:
    contents: dict[str, dict[str, Any]] = {
        "a weight": STATE | {FIRST: make()},
        "another key": STATE | {"x.conv1.weight": make()},
        "beside the weights": {"state_dict": STATE, "optimizer": {"state": [make()]}},
    }
    path = saved(tmp_path, contents[where])
    if where == "beside the weights" and make in (without_data, repeated):
        read_state_dict(path)  # nobody looks at it
    else:
        assert form in refusal(path)


@pytest.mark.parametrize("make", [torch.HalfTensor, torch.FloatTensor], ids=["half", "float"])
def test_tensors_that_are_made_by_their_size(tmp_path: Path, make: Any) -> None:
    """Converting such, or looking for NaN in them, would take all memory."""

    class Sized:
        def __reduce__(self) -> tuple[Any, ...]:
            return make, (2**31,)

    message = refusal(saved(tmp_path, STATE | {"neck.weight": Sized()}))
    assert "its tensors would take " in message
    assert "many times what the file has" in message


def test_one_tensor_under_many_names(tmp_path: Path) -> None:
    shared = torch.ones(1000)
    read(tmp_path, STATE)
    message = refusal(saved(tmp_path, STATE | {f"neck.{i}": shared for i in range(1000)}))
    assert "as they share values or lack them" in message


def test_parameters_are_weights(tmp_path: Path) -> None:
    as_parameters = {key: nn.Parameter(v) if v.ndim else v for key, v in STATE.items()}
    read(tmp_path, {"state_dict": as_parameters})


def test_numpy_arrays_instead_of_tensors(tmp_path: Path) -> None:
    arrays = {key: value.numpy() for key, value in STATE.items()}
    message = refusal(saved(tmp_path, {"model": arrays}))
    assert "backbone.conv1.weight holds no tensor but NumPy data" in message


def test_a_number_among_the_tensors(tmp_path: Path) -> None:
    message = refusal(saved(tmp_path, STATE | {"epoch": 3}))
    assert message.startswith(" is not a state dict: epoch holds no tensor but int.")


@pytest.mark.parametrize("name", ["mine.safetensors", "mine.pth"])
def test_safetensors_by_whatever_name(tmp_path: Path, name: str) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / name).write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert "is a safetensors file" in refusal(tmp_path / name)


def test_other_formats_of_torch(tmp_path: Path) -> None:
    script = tmp_path / "script.pth"
    with zipfile.ZipFile(script, "w") as program:
        for name in ("data.pkl", "constants.pkl", "version"):
            program.writestr(f"archive/{name}", "3\n")
    assert "is a TorchScript program" in refusal(script)
    old = tmp_path / "tar.pth"
    with tarfile.open(old, "w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    assert "is in the tar format of torch before 0.2" in refusal(old)


def test_numbers_and_arrays_of_numpy_beside_the_weights(tmp_path: Path) -> None:
    meta = {
        "anchors": np.arange(6.0).reshape(2, 3),
        "best": np.float32(0.5),
        "dtype": np.dtype("f4"),
    }
    taken = read(tmp_path, {"state_dict": STATE, "meta": meta})
    assert taken == Taken(container="state_dict", num_numpy_unread=2)
    assert taken.remarks == []  # it has no bearing on the weights


def test_what_is_left_of_training_may_have_another_prefix(tmp_path: Path) -> None:
    left = {"data_preprocessor.mean": torch.ones(3), "module.auxiliary_head.x": torch.ones(1)}
    assert read(tmp_path, prefixed("module.") | left).prefix == "module."


def test_weights_that_were_saved_as_parameters_need_no_gradient(tmp_path: Path) -> None:
    halves = {key: nn.Parameter(v.half()) for key, v in STATE.items() if v.is_floating_point()}
    state, taken = read_state_dict(saved(tmp_path, halves))
    assert taken.converted == {"float16": 2}
    assert not any(value.requires_grad for value in state.values())


def test_a_container_that_is_not_known_is_called_one(tmp_path: Path) -> None:
    said = refusal(saved(tmp_path, {"net": STATE, "best": np.float64(0.8)}))
    assert "holds no weights" in said
    assert "net, best" in said


def test_names_without_their_backbone_are_said_to_lack_it() -> None:
    model = nn.ModuleDict({"backbone": nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3)})})
    model["head"] = nn.Linear(4, 2)
    state = {key.removeprefix("backbone."): v for key, v in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=r'backbone do not begin with "backbone\."; rename'):
        load_strict(model, state)


def test_names_are_printed_short_and_harmless() -> None:
    model = nn.Linear(4, 2)
    state = model.state_dict() | {"\x1b[31m" + "x" * 100_000: torch.ones(1)}
    with pytest.raises(CheckpointError) as error:
        load_strict(model, state)
    assert len(str(error.value)) < 400
    assert "\x1b" not in str(error.value)
