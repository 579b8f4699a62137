"""The commands on rows with a later edition: show, list, fetch, verify."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.accuracy import read_record
from support.trees import RunCli, make_cityscapes
from zoo.test_editions import BLANK, FCOS, METAFILE, NEVER, SEGMENTATION, SHARED, ZOO

from hrnet_zoo.datasets.normalisation import Normalisation
from hrnet_zoo.datasets.transforms import to_network_input
from hrnet_zoo.records.folder import read_records
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.zoo.checkpoint import own_checkpoint
from hrnet_zoo.zoo.manifest import load_zoo


def shown(out: str) -> dict[str, list[str]]:
    """Return the lines of the section "editions": quantity -> the two columns."""
    section = out.partition("\neditions\n")[2].partition("\n\n")[0]
    lines = section.splitlines()
    split = lines[0].index("later")
    return {line[:21].strip(): [line[21:split].strip(), line[split:].strip()] for line in lines}


def test_show_prints_editions_side_by_side(run_cli: RunCli) -> None:
    assert shown(run_cli("show", FCOS).out) == {
        "": ["README", "later"],
        "box AP": ["35.1", "35.3"],
        "Mem (GB)": ["13.0", "13.0"],
        "speed": ["9.9 fps", "12.9 fps (77.52 ms)"],
        "channel order": ["bgr", "bgr"],
        "mean": ["102.9801, 115.9465, 122.7717", "103.53, 116.28, 123.675"],
        "std": ["1.0, 1.0, 1.0", "57.375, 57.12, 58.395"],
        "checkpoint": [".._20200316-c24bac34.pth", ".._20201212_100710-4ad151de.pth"],
    }
    mask = shown(run_cli("show", SHARED).out)
    assert mask["mask AP"] == ["34.2", "34.2"]
    assert mask["checkpoint"] == [".._20200205-1c3d78ed.pth", "same file"]
    assert "mean" not in mask
    assert "\neditions\n" not in run_cli("show", NEVER).out


def test_show_says_what_a_blank_row_does_not_document(run_cli: RunCli) -> None:
    blank = run_cli("show", BLANK).out
    printed = blank.split("\n\n")[1]
    assert printed.count("(not documented)") == 3  # memory, speed, box AP
    assert shown(blank)["box AP"] == ["not documented", "38.9"]
    assert shown(blank)["checkpoint"][0] == "(none)"


def test_json_has_the_later_edition(run_cli: RunCli) -> None:
    content = json.loads(run_cli("show", FCOS, "--format", "json").out)
    assert content["documented"]["box_ap"] == 35.1
    assert content["later"] == {
        "source": "mmdetection-3.3.0-metafile",
        "documented": {
            "train_memory_gb": 13.0, "box_ap": 35.3, "mask_ap": None, "inference_ms": 77.52,
        },
        "checkpoint_url": METAFILE[FCOS]["checkpoint_url"],
        "checkpoint_sha256_prefix": "4ad151de",
        "normalisation": {
            "channel_order": "bgr",
            "mean": [103.53, 116.28, 123.675],
            "std": [57.375, 57.12, 58.395],
        },
    }  # fmt: skip
    listed = {row["name"]: row for row in json.loads(run_cli("list", "--format", "json").out)}
    assert listed[BLANK]["later"]["documented"]["box_ap"] == 38.9
    assert listed[NEVER]["later"] is None
    assert "later" not in run_cli("list", "--format", "csv").out.splitlines()[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["fetch", NEVER],
        ["verify", NEVER],
        ["verify", SEGMENTATION],
        ["predict", NEVER, "x.png"],
        ["time", NEVER],
    ],
)
def test_asking_for_an_edition_that_is_not_there(run_cli: RunCli, arguments: list[str]) -> None:
    finished = run_cli(*arguments, "--edition", "later")
    assert finished.code == 2
    assert "has no later edition" in finished.err
    assert run_cli(*arguments, "--edition", "newest").code == 2


def test_fetch_takes_the_file_of_the_edition(tmp_path: Path, run_cli: RunCli) -> None:
    content = b"weights, retrained" * 1000
    zoo = tmp_path / "zoo.yaml"
    promised = hashlib.sha256(content).hexdigest()[:8]
    zoo.write_text(ZOO.path.read_text().replace("4ad151de", promised))
    url = load_zoo(zoo).row(FCOS, "later").checkpoint_url
    assert url is not None
    path = tmp_path / "mirror" / urlsplit(url).path.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    options = ("--zoo", zoo, "--mirror", tmp_path / "mirror")
    finished = run_cli("fetch", FCOS, "--edition", "later", *options)
    assert finished.code == 0
    assert Path(finished.out.split(": ")[1].strip()).read_bytes() == content
    assert "20200316-c24bac34.pth" in run_cli("fetch", FCOS, *options).err


def test_fetch_all_of_the_later_edition(run_cli: RunCli) -> None:
    finished = run_cli("fetch", "--all", "--edition", "later", "--offline", "--format", "json")
    assert finished.code == 3
    assert {result["name"] for result in json.loads(finished.out)} == METAFILE.keys()
    assert "48 rows have no later edition" in finished.err


def test_a_blank_row_points_to_its_later_file(run_cli: RunCli) -> None:
    assert "or --edition later" in run_cli("fetch", BLANK, "--offline").err
    assert "or --edition later" not in run_cli("fetch", NEVER, "--offline").err


class _Listener(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_file_of_the_other_edition_is_pointed_out_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    promised = hashlib.sha256(b"weights").hexdigest()[:8]
    zoo = tmp_path / "zoo.yaml"
    zoo.write_text(ZOO.path.read_text().replace("4ad151de", promised))
    for edition, said in (("readme", 1), ("later", 0)):
        listener = _Listener()
        own_checkpoint(load_zoo(zoo).row(FCOS, edition), path, listener)  # type: ignore[arg-type]
        assert len(listener.said) == said
        assert not said or "Pass --edition later" in listener.said[0]


# --- from command line to record, with a row that has the two editions


@pytest.fixture
def two_editions(tmp_path: Path, small_checkpoint: Path) -> Path:
    """A manifest in which a small file is the later one of a row that is quickly evaluated."""
    prefix = hashlib.sha256(small_checkpoint.read_bytes()).hexdigest()[:8]
    later = f"""
    later:
      source: mmdetection-3.3.0-metafile
      checkpoint_url: https://localhost/{SEGMENTATION}_20990101-{prefix}.pth
      train_memory_gb: null
      box_ap: null
      mask_ap: null
      inference_ms: null
      normalisation: {{channel_order: bgr, mean: [1.0, 2.0, 3.0], std: [4.0, 5.0, 6.0]}}
"""
    head, tail = ZOO.path.read_text().split(f"  - name: {SEGMENTATION}\n")
    tail = tail.replace("      gpus: 4\n", f"      gpus: 4{later}", 1)
    path = tmp_path / "zoo.yaml"
    text = f"{head}  - name: {SEGMENTATION}\n{tail}"
    path.write_text(text.replace("scale: [2048, 1024]", "scale: [128, 64]"))
    return path


def test_verify_names_the_edition_of_a_file(
    tmp_path: Path, two_editions: Path, small_checkpoint: Path, run_cli: RunCli
) -> None:
    make_cityscapes(tmp_path / "data", count=1)
    options = (
        "--zoo", two_editions, "--data-root", tmp_path / "data", "--device", "cpu",
        "--checkpoint", small_checkpoint, "--partial", "--output",
    )  # fmt: skip
    finished = run_cli("verify", SEGMENTATION, *options, tmp_path / "as_readme")
    assert finished.code == 3
    assert 'is the file of the "later" edition' in finished.err
    assert 'the file is that of the "later" edition; verify it with --edition' in finished.out
    assert 'filled.pth, the file of the "later" edition' in finished.out

    finished = run_cli(
        "verify", SEGMENTATION, "--edition", "later", *options, tmp_path / "as_later"
    )
    assert finished.code == 3
    assert f"{SEGMENTATION} (edition later, mmdetection-3.3.0-metafile)" in finished.out
    assert "the later edition states no value" in finished.out
    (path,) = (tmp_path / "as_later").glob("*/*.json")
    record = read_record(path)
    assert record.edition == "later"
    protocol = record.measurements[0].protocol
    assert protocol is not None
    assert protocol.normalisation.mean == (1.0, 2.0, 3.0)

    finished = run_cli(
        "verify",
        SEGMENTATION,
        "--edition",
        "later",
        "--format",
        "json",
        *options,
        tmp_path / "json",
    )
    (result,) = json.loads(finished.out)
    assert (result["edition"], result["checkpoint_editions"]) == ("later", ["later"])


def test_time_takes_file_and_normalisation_of_the_edition(
    tmp_path: Path,
    two_editions: Path,
    small_checkpoint: Path,
    run_cli: RunCli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def watched(
        image: NDArray[np.uint8], normalisation: Normalisation, device: torch.device
    ) -> torch.Tensor:
        seen.append(normalisation.mean)
        return to_network_input(image, normalisation, device)

    monkeypatch.setattr("hrnet_zoo.tasks.segmentation.timed.to_network_input", watched)
    url = load_zoo(two_editions).row(SEGMENTATION, "later").checkpoint_url
    assert url is not None
    published = tmp_path / "mirror" / urlsplit(url).path.lstrip("/")
    published.parent.mkdir(parents=True)
    published.write_bytes(small_checkpoint.read_bytes())
    image = next(make_cityscapes(tmp_path / "data", count=1).rglob("*_leftImg8bit.png"))
    options = (
        "--edition", "later", "--zoo", two_editions, "--mirror", tmp_path / "mirror", "--weights",
        "published", "--image", image, "--device", "cpu", "--limit-seconds", 0.2, "--output",
        "records", "--processes", 1,
    )  # fmt: skip
    finished = run_cli("time", SEGMENTATION, *options)
    assert finished.code == 0, finished.err
    assert f"{SEGMENTATION} (edition later) on cpu" in finished.out
    # What the README documents is not claimed of the later edition.
    assert "documented fps" not in finished.out
    (record,) = read_records(Path("records"), TimingRecord)
    assert record.edition == "later"
    assert record.checkpoint is not None
    assert record.checkpoint.file_name == published.name
    assert set(seen) == {(1.0, 2.0, 3.0)}
    finished = run_cli("time", SEGMENTATION, *options, "--format", "json")
    (timed,) = json.loads(finished.out)
    assert (timed["edition"], timed["documented_fps"]) == ("later", None)
