"""hrnet-zoo fps: files of measured times in, verdicts and exit codes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rows import build_row
from simulate_fps_model import networks
from support.trees import RunCli
from torch import Tensor, nn

from hrnet_zoo.verdicts.fps.times import layers_of
from hrnet_zoo.zoo.manifest import load_zoo

Entry = Mapping[str, Any]
W18 = "fcn_hr18_512x1024_40k_cityscapes"
MASK = "mask_rcnn_hrnetv2p_w18_1x_coco"
JUDGED = ("Cityscapes", "ADE20K", "Pascal VOC 2012 + Aug", "iSAID", "Potsdam")


def times(*tables: str) -> list[dict[str, Any]]:
    return [
        {
            "name": network.template.name,
            "seconds_per_image": network.multiply_adds / 2e11 + network.bytes_moved / 2e10,
        }
        for network in networks(tables=tables)
    ]


@pytest.mark.parametrize(("size", "layers"), [("18s", 146), ("18", 307), ("48", 307)])
def test_what_is_known_of_a_row_is_what_its_network_does(size: str, layers: int) -> None:
    """Layers, multiply-adds and bytes of all convolutions, for a typical image of ADE20K."""
    counts = np.zeros(3)

    def count(module: nn.Conv2d, inputs: tuple[Tensor], output: Tensor) -> None:
        traffic = 4 * (inputs[0].numel() + output.numel())
        counts[:] += 1, output.numel() * module.weight[0].numel(), traffic

    zoo = load_zoo()
    row = zoo.row(f"fcn_hr{size}_512x512_80k_ade20k")
    with torch.device("meta"), torch.no_grad():
        model = build_row(row)
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(count)
        model(torch.empty(1, 3, 512, 683))
    (network,) = (n for n in networks(tables=["ADE20K"]) if n.template.name == row.name)
    assert counts.tolist() == [network.layers, network.multiply_adds, network.bytes_moved]
    assert network.layers == layers
    assert layers_of(row) - layers == layers_of(zoo.row(W18)) - 307


def write(folder: Path, content: object) -> Path:
    path = folder / "times.json"
    path.write_text(json.dumps(content))
    return path


def test_consistent_rows_are_listed_by_table(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("fps", write(tmp_path, times(*JUDGED)))
    assert finished.code == 0, finished.err
    assert "ADE20K (mmsegmentation), images per second" in finished.out
    line = next(line for line in finished.out.splitlines() if line.startswith(W18))
    assert "12.97" in line
    assert line.endswith("consistent")
    assert "documented machine (mmsegmentation): " in finished.out


def test_a_row_documented_too_fast_is_an_outlier(tmp_path: Path, run_cli: RunCli) -> None:
    entries = times("Faster R-CNN", "Mask R-CNN", "FCOS")
    zoo = Path(__file__).parents[2] / "zoo.yaml"
    changed = tmp_path / "zoo.yaml"
    text = zoo.read_text()
    begin = text.index(f"name: {MASK}")
    assert 'fps: "7.3"' in text[begin : begin + 2000]
    changed.write_text(text[:begin] + text[begin:].replace('fps: "7.3"', 'fps: "13.7"', 1))
    finished = run_cli("fps", write(tmp_path, entries), "--format", "json", "--zoo", changed)
    assert finished.code == 1
    judged = {entry["name"]: entry for entry in json.loads(finished.out)}
    assert judged[MASK]["verdict"] == "outlier_faster"
    assert judged[MASK]["difference"] == pytest.approx(0.85, abs=0.15)
    assert judged[MASK]["interval"][1] < 13.7
    others = {entry["verdict"] for name, entry in judged.items() if name != MASK}
    assert others == {"consistent"}


def test_rows_that_agree_on_nothing_have_no_verdict(tmp_path: Path, run_cli: RunCli) -> None:
    seconds = {
        "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco": 0.07,
        "fcos_hrnetv2p_w18_gn-head_4x4_2x_coco": 0.1,
        "fcos_hrnetv2p_w32_gn-head_4x4_1x_coco": 0.05,
        "fcos_hrnetv2p_w32_gn-head_4x4_2x_coco": 1e6,
        "fcos_hrnetv2p_w18_gn-head_mstrain_640-800_4x4_2x_coco": 0.07,
        "fcos_hrnetv2p_w40_gn-head_mstrain_640-800_4x4_2x_coco": 0.05,
    }
    entries = [{"name": name, "seconds_per_image": value} for name, value in seconds.items()]
    finished = run_cli("fps", write(tmp_path, entries), "--format", "json")
    assert finished.code in (1, 3), finished.err
    judged = {entry["name"]: entry for entry in json.loads(finished.out)}
    wild = judged["fcos_hrnetv2p_w32_gn-head_4x4_2x_coco"]
    assert (wild["verdict"], wild["interval"]) == ("too_few_rows", None)
    for entry in judged.values():
        if entry["interval"] is not None:
            low, high = entry["interval"]
            assert high / low <= 100


def test_too_few_rows_show_their_ratios(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("fps", write(tmp_path, times("Cascade R-CNN")))
    assert finished.code == 3
    assert "too few rows" in finished.out
    ratio = "is documented 1.01 times as fast as cascade_rcnn_hrnetv2p_w32_20e_coco, here 1.4"
    assert finished.out.count("times as fast") == 1
    assert f"cascade_rcnn_hrnetv2p_w18_20e_coco {ratio}" in finished.out


def test_the_spread_of_ratios_is_given(tmp_path: Path, run_cli: RunCli) -> None:
    finished = run_cli("fps", write(tmp_path, times("iSAID")))
    assert finished.code == 3
    assert finished.out.count("times as fast") == 3
    assert "  differences of ratios: " in finished.out
    assert finished.out.count("no verdict: too few rows of its README") == 1


def test_rows_without_a_documented_fps_are_named(tmp_path: Path, run_cli: RunCli) -> None:
    undocumented = {"name": "fcn_hr18_512x1024_80k_cityscapes", "seconds_per_image": 1.0}
    path = write(tmp_path, [*times(*JUDGED), undocumented])
    assert "without a documented fps: fcn_hr18_512x1024_80k_cityscapes" in run_cli("fps", path).out
    finished = run_cli("fps", path, "--format", "json")
    assert finished.code == 0
    assert json.loads(finished.out)[-1] == {
        "name": "fcn_hr18_512x1024_80k_cityscapes",
        "verdict": "not_documented",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": W18, "seconds_per_image": 1}, "is not a list of measured times: Input should be"),
        ([], "at least 1 item"),
        ([{"name": W18}], "entry 1: seconds_per_image: Field required"),
        ([{"name": W18, "seconds_per_image": 0}], "greater than or equal to 0.000001"),
        ([{"name": W18, "seconds_per_image": "1"}], "entry 1: seconds_per_image: "),
        ([{"name": W18, "seconds_per_image": 1, "fps": 1}], "entry 1: fps: "),
        ([{"name": W18, "seconds_per_image": 1}] * 2, f"several times of {W18}"),
        ([{"name": W18[:-1], "seconds_per_image": 1}], f"Close: {W18}"),
    ],
)
def test_bad_files_are_explained(
    tmp_path: Path, run_cli: RunCli, content: object, message: str
) -> None:
    finished = run_cli("fps", write(tmp_path, content))
    assert finished.code == 3
    assert message in finished.err
    assert "Traceback" not in finished.err


def test_files_that_are_none_are_explained(tmp_path: Path, run_cli: RunCli) -> None:
    path = tmp_path / "times.json"
    finished = run_cli("fps", path)
    assert finished.code == 3
    assert "cannot be read" in finished.err
    path.write_text("[{")
    finished = run_cli("fps", path)
    assert finished.code == 3
    assert "is not a list of measured times" in finished.err
