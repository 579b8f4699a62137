"""Images are counted before anything is computed, and what that means is said at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.accuracy import read_record
from support.coco_tree import make_coco
from support.trees import RunCli, make_cityscapes

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.zoo.manifest import load_zoo

NAME = "fcn_hr18s_512x1024_40k_cityscapes"
FCOS = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"
CLASSIFIER = load_zoo(MANIFEST).rows[-1]


@pytest.mark.parametrize("name", [NAME, FCOS])
def test_a_data_set_that_lacks_images_is_refused_before_the_weights_are_looked_for(
    tmp_path: Path, run_cli: RunCli, name: str
) -> None:
    make_cityscapes(tmp_path / "data")
    make_coco(tmp_path / "data", count=3)
    asked = ("--data-root", tmp_path / "data", "--checkpoint", "none.pth", "--output", "out")
    finished = run_cli("verify", name, *asked, "--format", "json")
    assert finished.code == 3
    [result] = json.loads(finished.out)
    assert {number["verdict"] for number in result["metrics"].values()} == {"not_run"}
    record = read_record(Path(result["record"]))
    assert (record.status, record.checkpoint, record.asked.partial) == ("not_run", None, False)
    title, complete = ("Cityscapes", 500) if name == NAME else ("COCO 2017", 5000)
    said = str(record.reason)
    assert said.startswith(f"{title} in {tmp_path / 'data'}")
    assert f" has 3 images, not {complete}, so no accuracy can be a match. " in said
    assert "--partial evaluates what is there" in said


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (["--partial"], "3 of 500 images are evaluated, so no accuracy can be a match"),
        (["--limit", "2"], "2 of 500 images are evaluated, so no accuracy"),
        (["--limit", "9"], "3 of 500 images are evaluated, so no accuracy"),
    ],
)
def test_a_part_that_was_asked_for_is_evaluated_and_what_it_is_worth_said_first(
    tmp_path: Path, run_cli: RunCli, part: list[str], said: str
) -> None:
    make_cityscapes(tmp_path / "data")
    finished = run_cli("verify", NAME, "--data-root", tmp_path / "data", "--offline", *part)
    assert finished.code == 3
    assert f"{NAME}: {said}" in finished.err
    assert "is not in the cache" in finished.out, "the weights are what was missed next"


def test_listed_images_that_are_missing_make_a_part(tmp_path: Path, run_cli: RunCli) -> None:
    make_coco(tmp_path / "data", count=3)
    next((tmp_path / "data").rglob("*.jpg")).unlink()
    asked = ("verify", FCOS, "--data-root", tmp_path / "data", "--offline", "--output", "out")
    assert "has 2 images, not 5000" in run_cli(*asked).out
    finished = run_cli(*asked, "--partial")
    assert f"{FCOS}: 2 of 5000 images are evaluated, so no accuracy" in finished.err
    assert "is not in the cache" in finished.out, "the weights are what was missed next"


def test_a_limit_makes_no_complete_data_set_of_another(tmp_path: Path, run_cli: RunCli) -> None:
    data = tmp_path / "data"
    shutil.copytree(DATA_ROOT / "scenes_objects", data / "scenes_objects")
    first = min((data / "scenes_objects").rglob("*.png"))
    shutil.copy(first, first.with_name("another.png"))
    asked = ("--zoo", MANIFEST, "--data-root", data, "--output", tmp_path, "--metrics", "top1")
    finished = run_cli("verify", CLASSIFIER.name, *asked, "--limit", 240)
    assert finished.code == 3
    assert f"{CLASSIFIER.name}: 241 images were found, not 240, so no accuracy" in finished.err
    assert "240 of 241 images were evaluated, and some are others" in finished.out


def test_what_is_lacking_is_said_without_waiting_for_torch(tmp_path: Path) -> None:
    make_cityscapes(tmp_path / "data")
    command = ["hrnet-zoo", "verify", NAME, "--data-root", str(tmp_path / "data")]
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from hrnet_zoo.cli import main\n"
        f"sys.argv = {command}\nmain()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 3, ran.stderr
    assert "has 3 images, not 500" in ran.stdout
    [path] = Path("reports/records").rglob("*Z.json")
    record = read_record(path)
    assert record.status == "not_run"
    assert record.environment.packages["torch"]


def test_a_part_of_a_complete_data_set_is_all_of_it(tmp_path: Path, run_cli: RunCli) -> None:
    demo = ("--zoo", MANIFEST, "--data-root", DATA_ROOT, "--output", tmp_path)
    finished = run_cli("verify", CLASSIFIER.name, *demo, "--partial")
    assert finished.code == 0, finished.out
    assert "can be a match" not in finished.err
