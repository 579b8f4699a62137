"""RO-Crates of the demo's records and of odd ones, held against the rules of their specifications.

The REQUIRED rules are those of roc-validator 0.13.0, which passes these crates, too; it takes five
seconds and twenty packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from support.accuracy import read_record
from support.exports import DEMO, in_crate, store
from support.stored_runs import ROW
from support.trees import RunCli

from hrnet_zoo.records.accuracy import CheckpointUsed
from hrnet_zoo.verdicts.evidence import Evidence

RECORDS = DEMO[-1]
LICENSE = ("--license", "https://spdx.org/licenses/CC0-1.0")


def nothing_against(*_: object) -> Evidence:
    return Evidence()


def test_a_crate_tells_runs_with_files_inputs_and_values(run_cli: RunCli) -> None:
    finished = run_cli("report", "ro-crate", *DEMO, *LICENSE)
    entities = in_crate(finished)
    assert finished.err == ""
    for each in (entity for entity in entities.values() if entity["@type"] == "File"):
        content = (Path(RECORDS) / each["@id"]).read_bytes()
        assert each["sha256"] == hashlib.sha256(content).hexdigest()
        assert each["contentSize"] == str(len(content))
    paths = sorted(Path(RECORDS).glob("*/*Z.json"))
    for path in paths:
        record = read_record(path)
        action = entities[f"#run/{path.parent.name}/{path.stem}"]
        assert action["startTime"] == record.started_at.isoformat()
        assert record.finished_at
        assert record.checkpoint
        assert action["endTime"] == record.finished_at.isoformat()
        assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
        results = [entities[link["@id"]] for link in action["result"]]
        assert [each["name"] for each in results[:2]] == [path.name, record.images_file]
        values = {each["propertyID"]: each["value"] for each in results[2:]}
        assert values == {m.metric: m.value for m in record.measurements}
        assert all(each["description"].startswith("match; documented ") for each in results[2:])
        weights, _ = (entities[link["@id"]] for link in action["object"])
        assert weights["sha256"] == record.checkpoint.sha256
        assert entities[action["instrument"]["@id"]]["softwareVersion"] == "0.1.0"
    assert sum(entity["@type"] == "CreateAction" for entity in entities.values()) == len(paths)


def test_a_bundle_lies_in_its_crate_as_one_file(run_cli: RunCli) -> None:
    bundle = Path(RECORDS).with_name("bundle.zip")
    entities = in_crate(run_cli("report", "ro-crate", *DEMO[:-1], bundle, *LICENSE))
    (file,) = (entity for entity in entities.values() if entity["@type"] == "File")
    assert file["@id"] == "bundle.zip"
    assert file["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    runs = [entity for entity in entities.values() if entity["@type"] == "CreateAction"]
    assert [run["result"][0] for run in runs] == [{"@id": "bundle.zip"}] * 3


def test_the_metadata_lie_among_the_records_and_are_none(run_cli: RunCli, tmp_path: Path) -> None:
    records = shutil.copytree(RECORDS, tmp_path / "records")
    options = ("report", "ro-crate", *DEMO[:-1], records, *LICENSE, "--output")
    output = records / "ro-crate-metadata.json"
    assert run_cli(*options, output).out == f"{output}\n"
    assert run_cli(*options, output).err == ""
    assert str(tmp_path) not in output.read_text()
    assert len(json.loads(output.read_text())["@graph"]) > 10
    finished = run_cli(*options, tmp_path / "ro-crate-metadata.json")
    assert finished.code == 2
    assert f"--output can only be {output}" in finished.err


def test_a_run_that_contradicts_its_images_is_left_out_and_named(
    run_cli: RunCli, tmp_path: Path
) -> None:
    records = shutil.copytree(RECORDS, tmp_path / "records")
    (path,) = records.glob("fcn*/*Z.json")
    path.write_text(path.read_text().replace('"num_images": 36,', '"num_images": 35,', 1))
    options = ("report", "ro-crate", *DEMO[:-1], records, *LICENSE)
    finished = run_cli(*options)
    assert not [name for name in in_crate(finished) if path.parent.name in name]
    assert finished.err.startswith(f"left out: {path.parent.name}, {path.name}: ")
    assert (run_cli(*options, path.parent.name).code, finished.err.count("\n")) == (3, 1)


def test_failed_runs_are_told_without_folders_and_unfinished_ones_are_not(
    run_cli: RunCli, tmp_path: Path
) -> None:
    failed = {"status": "error", "reason": "/home/somebody/data is gone", "checkpoint": None}
    store(tmp_path, ROW, {}, day=0, **failed)
    store(tmp_path, ROW, {}, day=1, status="started")
    for path in tmp_path.glob("*/*.jsonl"):
        path.unlink()
    finished = run_cli("report", "ro-crate", "--records", tmp_path, *LICENSE)
    (action,) = (each for each in in_crate(finished).values() if each["@type"] == "CreateAction")
    assert action["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert action["error"] == "the run failed"
    assert "/home" not in finished.out
    assert "20260102T000000Z.json: the run never finished" in finished.err


def test_odd_names_and_texts_are_data(
    run_cli: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hrnet_zoo.report.exports.ro_crate.evidence_of", nothing_against)
    weights = CheckpointUsed(
        file_name='"}],\n\x1b[31m</script>',
        sha256="a" * 64,
        size_bytes=1,
        url="https://me:secret@example.org/a.pth?x=1",
    )
    path = store(tmp_path, ROW, {"miou": 73.86}, checkpoint=weights)
    odd = os.fsencode(path.with_name("a #b%20?\u00e9 ")) + b"\xff.json"
    path.rename(Path(os.fsdecode(odd)))
    entities = in_crate(run_cli("report", "ro-crate", "--records", tmp_path, *LICENSE))
    taken = entities[f"#checkpoint-{'a' * 64}"]
    assert taken["name"] == weights.file_name
    assert taken["url"] == "https://example.org/a.pth?x=1"
    (file,) = (each for each in entities.values() if each["@type"] == "File")
    assert os.fsencode(tmp_path) + b"/" + unquote_to_bytes(file["@id"]) == odd
