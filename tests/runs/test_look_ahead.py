"""With several rows, what the later ones lack is said before the first is measured."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from support.trees import RunCli

from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.runs.options import MeasureOptions
from hrnet_zoo.runs.verify import look_ahead
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.progress import Silent
from hrnet_zoo.zoo.checkpoint import FetchOptions
from hrnet_zoo.zoo.manifest import load_zoo

DEMO = load_zoo(MANIFEST)
SEGMENTOR, _, CLASSIFIER = DEMO.rows


def options(**folders: Any) -> MeasureOptions:
    fetch = FetchOptions(cache_dir=Path("cache"), offline=True)
    data_folders = DataFolders(**folders)
    return MeasureOptions(fetch=fetch, manifest_dir=MANIFEST.parent, data_folders=data_folders)


class Heard(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def one_object_short(tmp_path: Path) -> Path:
    """The demo's data, with one image fewer for the classifier."""
    for name in ("scenes", "scenes_objects"):
        shutil.copytree(DATA_ROOT / name, tmp_path / "data" / name)
    min((tmp_path / "data" / "scenes_objects").rglob("*.png")).unlink()
    return tmp_path / "data"


def test_later_rows_that_lack_images_are_named_before_the_first_is_measured(
    tmp_path: Path, one_object_short: Path, run_cli: RunCli
) -> None:
    names = (SEGMENTOR.name, CLASSIFIER.name)
    demo = ("--zoo", MANIFEST, "--data-root", one_object_short, "--output", tmp_path / "out")
    finished = run_cli("verify", *names, *demo, "--format", "json")
    assert finished.code == 3
    ahead, measured, _ = finished.err.partition(f"evaluating {SEGMENTOR.name}")
    assert measured
    assert f"{CLASSIFIER.name} will get no accuracy: " in ahead
    first, second = json.loads(finished.out)
    assert (first["status"], second["status"]) == ("completed", "not_run")
    assert first["metrics"]["miou"]["verdict"] == "match"
    # What is counted in the network alone needs no images.
    verdicts = {name: number["verdict"] for name, number in second["metrics"].items()}
    assert verdicts["top1"] == "not_run"
    assert "match" in verdicts.values()


def test_looking_ahead_names_all_rows_of_a_data_set_at_once(one_object_short: Path) -> None:
    heard = Heard()
    twin = CLASSIFIER.model_copy(update={"name": "twin"})
    rows = [(SEGMENTOR, ["miou"]), (CLASSIFIER, ["top1"]), (twin, ["top1"])]
    look_ahead(rows, options(root=one_object_short), heard)
    [said] = heard.said
    assert said.startswith(f"{CLASSIFIER.name}, twin will get no accuracy: ")
    assert "so no accuracy can be a match" in said


@pytest.mark.parametrize("metrics", [["params_m", "flops_g"], ["fps"]])
def test_looking_ahead_says_nothing_of_rows_that_need_no_images(metrics: list[str]) -> None:
    heard = Heard()
    given = options(own={"scenes": DATA_ROOT})
    look_ahead([(SEGMENTOR, ["miou"]), (CLASSIFIER, metrics)], given, heard)
    assert heard.said == []
    look_ahead([(SEGMENTOR, ["miou"]), (CLASSIFIER, ["top1", *metrics])], given, heard)
    [said] = heard.said
    assert f"{CLASSIFIER.name} will get no accuracy: " in said
    assert "no data folder was given" in said


def test_looking_ahead_leaves_the_first_row_to_itself(tmp_path: Path) -> None:
    heard = Heard()
    look_ahead([(SEGMENTOR, ["miou"])], options(root=tmp_path), heard)
    assert heard.said == []


def test_all_is_quiet_where_nothing_lacks() -> None:
    heard = Heard()
    look_ahead(
        [(row, DEMO.metrics_of(row, ())) for row in DEMO.rows], options(root=DATA_ROOT), heard
    )
    assert heard.said == []
