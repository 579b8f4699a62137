"""Whether an installation that computes something else than upstream is told so."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support.accuracy import read_record
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.runs import self_test
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.self_test import held_against_upstream
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.tasks import METRICS
from hrnet_zoo.tasks.classification import protocol
from hrnet_zoo.tasks.reference import ReferenceAgreement
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.manifest import load_zoo

CLASSIFIER, ROW = "hrnet-w2s_scenes", "hrnet-w18_3rdparty_8xb32_in1k"
IMAGES = 2


class Said(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache that knows nothing yet."""
    return tmp_path / "own-cache"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """An installation that crops one pixel too low."""
    original = protocol.centre_corner
    monkeypatch.setattr(
        protocol, "centre_corner", lambda *given: (original(*given)[0] + 1, original(*given)[1])
    )
    monkeypatch.setenv("HRNET_ZOO_CACHE", str(cache))


def found(cache: Path, progress: Said | None = None) -> list[ReferenceAgreement]:
    options = MeasureOptions(
        fetch=FetchOptions(cache_dir=cache), manifest_dir=Path(), data_folders=DataFolders()
    )
    row = load_zoo(MANIFEST).row(CLASSIFIER)
    cpu = torch.device("cpu")
    given = (row, [METRICS["top1"]], [cpu, cpu], options, progress or Said())
    return held_against_upstream(*given, engine="torch")


def kept(cache: Path) -> Iterator[Path]:
    return (cache / "self-tests").iterdir()


def test_what_is_known_is_not_run_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = found(cache)
    assert [each.share for each in first] == [1.0] * IMAGES
    monkeypatch.setattr(self_test, "_filled", None)  # so that nothing can be run
    assert found(cache) == first
    monkeypatch.setattr(self_test, "sources_digest", lambda: "edited")
    with pytest.raises(TypeError):
        found(cache)
    monkeypatch.undo()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    assert len(found(cache)) == IMAGES
    assert len(list(kept(cache))) == 2 * IMAGES


@pytest.mark.parametrize("damage", [b"", b"\xff", b"{}", b"[1]"])
def test_a_damaged_cache_is_written_anew(cache: Path, damage: bytes) -> None:
    whole = {path: path.read_text() for path in kept_of(found(cache), cache)}
    next(iter(whole)).write_bytes(damage)
    assert [each.share for each in found(cache)] == [1.0] * IMAGES
    assert {path: json.loads(path.read_text())["num_equal"] for path in whole} == {
        path: json.loads(text)["num_equal"] for path, text in whole.items()
    }


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")
def test_a_pipe_in_the_cache_is_not_waited_for(cache: Path) -> None:
    for path in kept_of(found(cache), cache):
        path.unlink()
        os.mkfifo(path)
    assert [each.share for each in found(cache)] == [1.0] * IMAGES


def kept_of(agreements: list[ReferenceAgreement], cache: Path) -> list[Path]:
    assert len(agreements) == IMAGES
    return list(kept(cache))


def test_a_cache_that_cannot_be_written_is_told_of(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    said = Said()
    assert [each.share for each in found(cache, said)] == [1.0] * IMAGES
    assert len(said.lines) == IMAGES
    assert "the next run will test itself again" in said.lines[0]


def test_the_command_says_how_far_they_agree(run_cli: RunCli) -> None:
    finished = run_cli("verify", ROW, "--self-test", "--device", "cpu")
    assert finished.code == 0
    assert finished.out.count("agrees with mmclassification 0.25.0") == IMAGES
    assert "100.0000% of classes equal" in finished.out


@pytest.mark.usefixtures("broken")
def test_the_command_says_that_they_disagree(run_cli: RunCli) -> None:
    finished = run_cli("verify", ROW, "--self-test", "--device", "cpu", "--format", "json")
    assert finished.code == 1
    (said,) = json.loads(finished.out)
    assert said["agrees"] is False
    assert [each["agrees"] for each in said["references"]] == [False] * IMAGES
    assert all(each["largest_score_difference"] > 1 for each in said["references"])


def test_without_references_the_command_has_no_answer(run_cli: RunCli) -> None:
    finished = run_cli("verify", "htc_x101_64x4d_fpn_16x1_28e_coco", "--self-test")
    assert finished.code == 3
    assert "no reference outputs of htc_x101" in finished.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--limit", "3"], "nothing for --limit to do"),
        (["--partial", "--tolerance", "0"], "nothing for --partial, --tolerance to do"),
        (["--metrics", "params_m"], "nothing for --self-test to do"),
    ],
)
def test_options_that_go_with_images(run_cli: RunCli, options: list[str], said: str) -> None:
    finished = run_cli("verify", ROW, "--self-test", *options)
    assert finished.code == 2
    assert said in finished.err


@pytest.mark.usefixtures("broken")
def test_an_installation_that_disagrees_gives_no_match(run_cli: RunCli, tmp_path: Path) -> None:
    finished = run_cli(
        "verify", CLASSIFIER, "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--device", "cpu",
        "--metrics", "top1", "--tolerance", "10", "--output", tmp_path / "records",
        "--format", "json",
    )  # fmt: skip
    (result,) = json.loads(finished.out)
    assert finished.code == 3
    assert result["metrics"]["top1"]["verdict"] == "not_comparable"
    assert "disagree with upstream's own code" in result["metrics"]["top1"]["reason"]
    assert "disagree with upstream's own code" in finished.err
    (path,) = (tmp_path / "records").glob("*/*.json")
    agreements = read_record(path).self_test
    assert agreements is not None
    assert [each.num_equal < each.num_compared for each in agreements] == [True] * IMAGES


def test_a_run_before_the_images_is_in_the_record(run_cli: RunCli, tmp_path: Path) -> None:
    finished = run_cli(
        "verify", CLASSIFIER, "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--device", "cpu",
        "--output", tmp_path / "records",
    )  # fmt: skip
    assert finished.code == 0, finished.err
    (path,) = (tmp_path / "records").glob("*/*.json")
    agreements = read_record(path).self_test
    assert agreements is not None
    assert [each.share for each in agreements] == [1.0] * IMAGES
