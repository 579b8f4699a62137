"""hrnet-zoo explain, as it is used and misused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from support.trees import RunCli

from hrnet_zoo import demo
from hrnet_zoo.zoo.manifest import load_zoo

ROW, DETECTOR, CLASSIFIER = load_zoo(demo.MANIFEST).rows
REPO = Path(__file__).parents[2]
DEMO = ("--zoo", str(demo.MANIFEST), "--data-root", str(demo.DATA_ROOT))
RECORDS = REPO / "reports" / "demo" / "records"


def record_of(name: str) -> Path:
    return next(path for path in sorted((RECORDS / name).glob("*.json")))


def test_neither_record_nor_data(run_cli: RunCli) -> None:
    finished = run_cli("explain", ROW.name, "--zoo", demo.MANIFEST)
    assert finished.code == 3
    assert finished.err.count("\n") == 1
    for part in ("neither a record", f"hrnet-zoo verify {ROW.name}", "--data-root"):
        assert part in finished.err


def test_a_match_needs_no_explanation(run_cli: RunCli) -> None:
    finished = run_cli("explain", record_of(ROW.name), "--zoo", demo.MANIFEST)
    assert finished.code == 0
    assert "is a match, so that there is nothing to explain" in finished.out


def test_a_row_that_prints_no_accuracy(run_cli: RunCli, tmp_path: Path) -> None:
    manifest = tmp_path / "zoo.yaml"
    manifest.write_text(demo.MANIFEST.read_text().replace('miou: "81.59"', 'miou: "-"'))
    finished = run_cli("explain", ROW.name, "--zoo", manifest, "--data-root", demo.DATA_ROOT)
    assert finished.code == 2
    assert f"{ROW.name} prints no mIoU" in finished.err


def test_a_record_of_a_row_that_the_manifest_lacks(run_cli: RunCli) -> None:
    finished = run_cli("explain", record_of(ROW.name))
    assert finished.code == 2
    assert f'No row is called "{ROW.name}"' in finished.err


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "is not a readable record"), ("", "is empty"), ('{"schema_version": 99}', "newer")],
)
def test_a_file_that_is_no_record(run_cli: RunCli, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "record.json"
    path.write_text(content)
    finished = run_cli("explain", path, "--zoo", demo.MANIFEST)
    assert finished.code == 3
    assert said in finished.err


def test_a_file_that_is_missing(run_cli: RunCli) -> None:
    finished = run_cli("explain", "nowhere/record.json", "--zoo", demo.MANIFEST)
    assert finished.code == 3
    assert "nowhere/record.json" in finished.err


def test_sizes_are_not_explained(run_cli: RunCli) -> None:
    finished = run_cli("explain", CLASSIFIER.name, *DEMO, "--metric", "params_m")
    assert finished.code == 2
    assert "causes of accuracies" in finished.err


def altered(tmp_path: Path, documented: str) -> Path:
    manifest = tmp_path / "zoo.yaml"
    text = demo.MANIFEST.read_text().replace('miou: "81.59"', f'miou: "{documented}"')
    manifest.write_text(text.replace("checkpoints/", f"{demo.MANIFEST.parent}/checkpoints/"))
    return manifest


def test_a_record_without_the_results_of_its_images(run_cli: RunCli, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    shutil.copy(record_of(ROW.name), record)
    finished = run_cli("explain", record, "--zoo", altered(tmp_path, "91.59"))
    assert finished.code == 3
    assert "images.jsonl is missing, so nothing can be checked" in finished.err
    assert finished.err.count("\n") == 1


def test_a_record_alone_in_text_and_json(run_cli: RunCli, tmp_path: Path) -> None:
    manifest, record = altered(tmp_path, "91.59"), record_of(ROW.name)
    finished = run_cli("explain", record, "--zoo", manifest)
    assert finished.code == 3
    for part in ("documented 91.59", "81.59", "no single cause", "--data-root"):
        assert part in finished.out
    content = json.loads(run_cli("explain", record, "--zoo", manifest, "--format", "json").out)
    assert content["cause"] is None
    assert content["documented"] == 91.59
    assert content["measured"] == pytest.approx(81.59, abs=0.01)
    changes = [each["change"] for each in content["tried"]]
    assert any("reduce_zero_label" in change for change in changes)


def test_verify_says_where_to_look_after_a_mismatch(run_cli: RunCli, tmp_path: Path) -> None:
    arguments = ("--data-root", demo.DATA_ROOT, "--output", tmp_path / "records")
    finished = run_cli("verify", ROW.name, "--zoo", altered(tmp_path, "91.59"), *arguments)
    assert finished.code == 1
    assert f'"hrnet-zoo explain {ROW.name}" looks for the cause' in finished.err
