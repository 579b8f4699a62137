"""The project's own gate: the demo's records, and a mistake that it has to find."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.sealing import recount
from support.trees import RunCli
from test_docs import ROOT

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol, resized_images
from hrnet_zoo.zoo.manifest import load_zoo

BASELINE = ROOT / "reports" / "demo" / "records"
ROW = "fcn_hr5s_180x270_2k_scenes"
ON_DEMO = ("--zoo", MANIFEST)


def test_baseline_is_complete_and_names_no_folders() -> None:
    for path in BASELINE.glob("*/*Z.json"):
        record = json.loads(path.read_text())
        assert record["status"] == "completed"
        assert (path.parent / record["images_file"]).is_file()
        assert str(Path.home()) not in path.read_text()
    rows = load_zoo(MANIFEST).rows
    assert {path.name for path in BASELINE.iterdir()} == {row.name for row in rows}


def test_swapped_colours_do_not_pass(
    tmp_path: Path, run_cli: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights, data and protocol are those of the baseline; only the code has a mistake."""

    def mistaken(
        image: NDArray[np.uint8], protocol: SegmentationProtocol
    ) -> list[NDArray[np.uint8]]:
        return resized_images(np.ascontiguousarray(image[:, :, ::-1]), protocol)

    monkeypatch.setattr("hrnet_zoo.tasks.segmentation.evaluation.resized_images", mistaken)
    verified = run_cli(
        "verify", ROW, *ON_DEMO, "--data-root", DATA_ROOT, "--device", "cpu", "--output", tmp_path
    )
    assert verified.code == 1
    finished = run_cli("compare", BASELINE, tmp_path, *ON_DEMO, "--row", ROW)
    assert finished.code == 1
    assert "a regression: 1 worse" in finished.out
    assert "paired jackknife over 36 images" in finished.out


@pytest.mark.parametrize("num_broken", [1, 3])
def test_a_single_broken_image_does_not_pass(
    tmp_path: Path, run_cli: RunCli, num_broken: int
) -> None:
    head = tmp_path / "head"
    shutil.copytree(BASELINE / ROW, head / ROW)
    recount(
        next((head / ROW).glob("*Z.json")), num_broken, lambda counts: np.roll(counts, 1, axis=1)
    )
    finished = run_cli("compare", BASELINE, head, *ON_DEMO, "--row", ROW)
    assert finished.code == 1
    assert "a regression: 1 worse" in finished.out
    assert "paired jackknife over 36 images" in finished.out


def test_a_run_whose_images_are_gone_does_not_pass(tmp_path: Path, run_cli: RunCli) -> None:
    head = tmp_path / "head"
    shutil.copytree(BASELINE / ROW, head / ROW)
    next((head / ROW).glob("*.images.jsonl")).unlink()
    finished = run_cli("compare", BASELINE, head, *ON_DEMO, "--row", ROW)
    assert finished.code == 3
    assert "in HEAD, its images file" in finished.out
    assert "is missing, so nothing can be checked" in finished.out
