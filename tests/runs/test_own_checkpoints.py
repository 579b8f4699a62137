"""A trained network in the forms that people have, verified and shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from support.accuracy import read_record
from support.trees import Finished, RunCli

import hrnet_zoo
from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed
from hrnet_zoo.weights.taken import Taken

DEMO = Path(hrnet_zoo.__file__).parent / "demo"
ROW = "fcn_hr5s_180x270_2k_scenes"
State = dict[str, torch.Tensor]


@pytest.fixture
def weights() -> State:
    (path,) = (DEMO / "checkpoints").glob(f"{ROW}_*.pth")
    state: State = torch.load(path, weights_only=True)["state_dict"]
    return state


def verify(run_cli: RunCli, tmp_path: Path, content: object) -> tuple[Finished, AccuracyRecord]:
    """Return what was said of a file, and the record of two images."""
    torch.save(content, tmp_path / "mine.pth")
    output = tmp_path / "records"
    finished = run_cli(
        "verify", ROW, "--zoo", DEMO / "zoo.yaml", "--data-root", DEMO / "data", "--device", "cpu",
        "--checkpoint", tmp_path / "mine.pth", "--limit", "2", "--output", output,
    )  # fmt: skip
    (path,) = output.glob("*/*.json")
    return finished, read_record(path)


def test_float16_below_a_prefix_is_verified_and_named_wherever_it_is_shown(
    run_cli: RunCli, tmp_path: Path, weights: State
) -> None:
    half = {f"model.{k}": v.half() if v.is_floating_point() else v for k, v in weights.items()}
    meta = {"history": np.arange(3.0), "best": np.float32(0.8)}
    finished, record = verify(run_cli, tmp_path, {"model": half, "meta": meta})
    assert record.status == "completed"
    assert record.measurements[0].value == pytest.approx(80.64, abs=0.2)
    assert record.checkpoint is not None
    assert record.checkpoint.container == "model"
    assert record.checkpoint.prefix == "model."
    assert record.checkpoint.converted == {"float16": 727}
    said = [
        'mine.pth: its weights are under "model"',
        'mine.pth: "model." was taken off all names',
        "mine.pth: tensors stored as float16 and converted to float32: 727",
    ]
    because = f"another checkpoint: SHA-256 {record.checkpoint.sha256[:8]}..., stored as float16"
    for text in (finished.out, finished.err):
        assert all(line in text for line in said)
    assert because in finished.out
    stored = ("--zoo", DEMO / "zoo.yaml", "--records", tmp_path / "records")
    shown = run_cli("records", "show", ROW, *stored)
    assert all(line in shown.out for line in [*said, because, "float16 727"])
    page = tmp_path / "page.html"
    assert run_cli("report", "html", *stored, "--output", page).code == 0
    assert "tensors stored as float16 and converted to float32: 727" in page.read_text()


def test_published_weights_in_numpy_s_company_give_the_same(
    run_cli: RunCli, tmp_path: Path, weights: State
) -> None:
    content = {"state_dict": weights, "ema_state_dict": weights, "meta": {"seen": np.arange(3)}}
    finished, record = verify(run_cli, tmp_path, content)
    assert record.checkpoint is not None
    assert record.checkpoint.other_containers == ["ema_state_dict"]
    assert record.checkpoint.converted == {}
    assert record.checkpoint.num_numpy_unread == 1
    said = 'its weights under "state_dict" are used, not those under "ema_state_dict"'
    assert f"checkpoint: mine.pth: {said}" in finished.out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: {"model": w, "state_dict": w}, 'holds weights under "state_dict" and "model"'),
        (
            lambda w: {f"{'model.' * k.startswith('b')}{k}": v for k, v in w.items()},
            "the others do",
        ),
        (lambda w: {k: v.to(torch.int32) for k, v in w.items()}, "file int32, model float32"),
        (lambda w: {"state_dict": {k: v.numpy() for k, v in w.items()}}, "NumPy data"),
    ],
    ids=["two candidates", "partial prefix", "dtype", "arrays"],
)
def test_what_cannot_be_loaded_is_called_by_its_name(
    run_cli: RunCli, tmp_path: Path, weights: State, change: object, message: str
) -> None:
    assert callable(change)
    finished, record = verify(run_cli, tmp_path, change(weights))
    assert (finished.code, record.status) == (3, "not_run")
    assert message in (record.reason or "")
    assert message in finished.out
    assert "another row" not in finished.out
    assert "another shape" not in finished.out


def test_records_from_before_say_nothing_of_it() -> None:
    old = {"file_name": "x.pth", "sha256": "a" * 64, "size_bytes": 1, "url": None, "extra_keys": []}
    used = CheckpointUsed.model_validate_json(json.dumps(old))
    assert used.remarks == []
    assert used.short_title == "SHA-256 aaaaaaaa..."
    assert Taken(extra_keys=list("abcd")).remarks == [
        "tensors that the network has no use for: 4 (a, b, c and 1 more)"
    ]


def test_timing_names_it_too(run_cli: RunCli, tmp_path: Path, weights: State) -> None:
    half = {k: v.half() for k, v in weights.items()}
    torch.save({"model_state_dict": half}, tmp_path / "mine.pth")
    finished = run_cli(
        "time", ROW, "--zoo", DEMO / "zoo.yaml", "--device", "cpu", "--limit-seconds", "0.1",
        "--processes", 1, "--checkpoint", tmp_path / "mine.pth", "--format", "json",
    )  # fmt: skip
    (timed,) = json.loads(finished.out)
    record = json.loads(Path(timed["record"]).read_text())
    assert record["checkpoint"]["container"] == "model_state_dict"
    assert record["checkpoint"]["converted"] == {"float16": 727}
    assert "mine.pth: tensors stored as float16 and converted to float32: 727" in timed["remarks"]
