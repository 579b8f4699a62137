"""Another engine computes a run only where it agrees with torch, and nobody is left to guess."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support.accuracy import read_record
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.runs.images import Images
from hrnet_zoo.timing.engines import OpenVinoPart
from hrnet_zoo.zoo.manifest import load_zoo

ROWS = load_zoo(MANIFEST).rows
SEGMENTOR = ROWS[0].name
DEMO = ("--zoo", MANIFEST, "--data-root", DATA_ROOT, "--limit", 3, "--output", "records")
SCENES = sorted((DATA_ROOT / "scenes" / "leftImg8bit" / "val").rglob("*.png"))


def newest() -> AccuracyRecord:
    return read_record(max(Path("records").glob("*/*Z*.json"), key=lambda p: p.stat().st_mtime_ns))


def disturbed(monkeypatch: pytest.MonkeyPatch, change: float) -> None:
    """Let OpenVINO compute something else."""
    right = OpenVinoPart.forward

    def wrong(self: OpenVinoPart, image: torch.Tensor) -> list[torch.Tensor]:
        return [x + change for x in right(self, image)]

    monkeypatch.setattr(OpenVinoPart, "forward", wrong)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.task)
def test_auto_is_openvino_where_it_agrees(row: Any, run_cli: RunCli) -> None:
    run_cli("verify", row.name, *DEMO, "--device", "cpu")
    torchs = newest()
    run_cli("verify", row.name, *DEMO, "--device", "cpu", "--engine", "auto")
    record = newest()
    assert record.status == "completed"
    assert torchs.settings is not None
    assert record.settings is not None
    assert torchs.settings.engine.name == "torch"
    engine = record.settings.engine
    assert (record.asked.engine, engine.name, engine.remark) == ("auto", "openvino", None)
    assert engine.agreement is not None
    assert engine.agreement.share == 1.0
    values = [[m.value for m in run.measurements] for run in (torchs, record)]
    assert values[0] == pytest.approx(values[1], abs=0.01)


@pytest.mark.parametrize("change", [1e-2, float("nan")])
def test_auto_says_aloud_that_torch_computes(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch, change: float
) -> None:
    disturbed(monkeypatch, change)
    finished = run_cli("verify", SEGMENTOR, *DEMO, "--engine", "auto", "--device", "cpu")
    assert newest().status == "completed"
    assert "computing with torch, not with OpenVINO: on drawn, 270 x 180" in finished.err
    settings = newest().settings
    assert settings is not None
    assert settings.engine.name == "torch"
    assert "differ from torch's" in (settings.engine.remark or "")


def test_openvino_that_does_not_agree_measures_nothing(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed(monkeypatch, 1e-2)
    finished = run_cli("verify", SEGMENTOR, *DEMO, "--engine", "openvino", "--device", "cpu")
    assert finished.code == 3
    record = newest()
    assert (record.status, record.measurements) == ("not_run", [])
    assert "maps differ from torch's by up to 1.0e-02" in (record.reason or "")
    assert "pass --engine torch" in (record.reason or "")


def test_openvino_that_is_not_installed(run_cli: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert run_cli("verify", SEGMENTOR, *DEMO, "--engine", "openvino", "--device", "cpu").code == 3
    assert 'pip install "hrnet-zoo[openvino]"' in (newest().reason or "")
    finished = run_cli("verify", SEGMENTOR, *DEMO, "--engine", "auto", "--device", "cpu")
    assert newest().status == "completed"
    assert "not with OpenVINO: OpenVINO cannot be used" in finished.err


def test_predict_labels_alike_with_both_engines(run_cli: RunCli) -> None:
    given = ("predict", SEGMENTOR, SCENES[0], SCENES[1], "--zoo", MANIFEST, "--format", "json")
    seen = [
        run_cli(*given, "--device", "cpu", "--engine", engine, "--out", engine)
        for engine in ("torch", "openvino")
    ]
    assert [finished.code for finished in seen] == [0, 0]
    shares = [[image["classes"] for image in json.loads(finished.out)] for finished in seen]
    for one, other in zip(*shares, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_predict_refuses_an_engine_that_does_not_agree(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    disturbed(monkeypatch, 1e-2)
    given = ("predict", SEGMENTOR, SCENES[0], "--zoo", MANIFEST, "--device", "cpu")
    assert run_cli(*given, "--engine", "openvino").code == 3
    finished = run_cli(*given, "--engine", "auto")
    assert finished.code == 0
    assert "computing with torch, not with OpenVINO" in finished.err


def test_an_interrupted_run_is_not_continued_by_another_engine(
    run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Images, "_score", interrupted)
        run_cli("verify", SEGMENTOR, *DEMO, "--device", "cpu")
    finished = run_cli("verify", SEGMENTOR, *DEMO, "--device", "cpu", "--engine", "openvino")
    assert "an unfinished run was found, but not of the same engine; starting anew" in finished.err
    assert (newest().status, newest().num_images_taken_over) == ("completed", 0)
