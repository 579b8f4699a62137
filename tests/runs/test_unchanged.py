"""verify --unchanged-since: image by image against an earlier record, and what cannot be."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.accuracy import read_record
from support.bundling import RECORDS, record_of
from support.sealing import change_lines, seal_anew
from support.stored_runs import store_timing
from support.trees import Finished, RunCli

from hrnet_zoo.datasets.class_samples import ClassSamples
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.demo import DATA_ROOT, MANIFEST
from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.files import write_record
from hrnet_zoo.records.images_file import read_images
from hrnet_zoo.runs.unchanged import Earlier
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.classification.top_k import Ranking
from hrnet_zoo.tasks.evaluation import ImageResult
from hrnet_zoo.zoo.manifest import load_zoo

SEGMENTOR, DETECTOR, CLASSIFIER = load_zoo(MANIFEST).rows
PART = 40


def verify(run_cli: RunCli, output: Path, *more: str | Path) -> Finished:
    return run_cli(
        "verify", CLASSIFIER.name, "--zoo", MANIFEST, "--data-root", DATA_ROOT, "--device", "cpu",
        "--metrics", "top1", "--output", output, *more,
    )  # fmt: skip


@pytest.fixture
def earlier(tmp_path: Path, run_cli: RunCli) -> Path:
    verify(run_cli, tmp_path / "then", "--limit", str(PART))
    (path,) = (tmp_path / "then").glob("*/*.json")
    return path


def test_the_same_machine_is_unchanged(tmp_path: Path, run_cli: RunCli, earlier: Path) -> None:
    finished = verify(run_cli, tmp_path / "now", "--unchanged-since", earlier)
    assert finished.code == 0
    assert f"unchanged since {earlier.name} ({PART} images, identical in all)" in finished.out
    assert "  match" not in finished.out
    (path,) = (tmp_path / "now").glob("*/*.json")
    then, now = read_record(earlier), read_record(path)
    assert now.dataset == then.dataset, "the very images"
    again = verify(
        run_cli, tmp_path / "now", "--unchanged-since", earlier, "--limit", "5", "--format", "json"
    )
    assert again.code == 0
    (shown,) = json.loads(again.out)
    assert (shown["unchanged"]["answer"], shown["unchanged"]["num_images"]) == ("unchanged", 5)


def test_another_answer_is_a_change(
    tmp_path: Path, run_cli: RunCli, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter_results(monkeypatch, counted={"single": Ranking(label=0, best=(1, 2, 3, 4, 5))})
    finished = verify(run_cli, tmp_path / "now", "--unchanged-since", earlier)
    assert finished.code == 1
    assert f"changed since {earlier.name}: 1 of {PART} images (" in finished.out
    assert "Top-1 (%): now - then " in finished.out
    assert "95% interval" in finished.out.rpartition("now - then")[2]


def test_other_files_tell_nothing(
    tmp_path: Path, run_cli: RunCli, earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alter_results(monkeypatch, digest="0" * 64)
    finished = verify(run_cli, tmp_path / "now", "--unchanged-since", earlier)
    assert finished.code == 3
    assert f"not comparable with {earlier.name}: 1 of {PART} images or labels" in finished.out


def alter_results(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let runs find something else in their first image."""
    compared = Earlier.compared

    def altered(self: Earlier, metrics: Any, results: dict[str, ImageResult]) -> Any:
        first = min(results)
        return compared(self, metrics, results | {first: replace(results[first], **changes)})

    monkeypatch.setattr(Earlier, "compared", altered)


def test_a_difference_has_a_paired_interval() -> None:
    """Two runs that differ in one of a hundred images, whatever their values are."""
    task, metric = TASKS["classification"], METRICS["top1"]
    right, wrong = Ranking(label=0, best=(0,)), Ranking(label=0, best=(1,))
    then = [right] * 50 + [wrong] * 50
    value, interval = task.paired(CLASSIFIER.setup, metric, then, [*then[:-1], right])
    assert value == pytest.approx(1.0)
    assert interval is not None
    assert -1.0 < interval.low < 0 < interval.high < 3.0
    assert task.paired(CLASSIFIER.setup, metric, then, then)[0] == 0.0


def test_other_weights(tmp_path: Path, run_cli: RunCli, earlier: Path) -> None:
    content = torch.load(next((MANIFEST.parent / "checkpoints").glob("hrnet-w2s*.pth")))
    other = tmp_path / "other.pth"
    torch.save({**content, "meta": {"epoch": 1}}, other)
    finished = verify(
        run_cli, tmp_path / "now", "--unchanged-since", earlier, "--checkpoint", other
    )
    assert finished.code == 3
    assert "is of other weights" in finished.out
    assert "Pass the same with --checkpoint" in finished.out


def test_images_that_are_gone(earlier: Path) -> None:
    samples = TASKS["classification"].open_data(CLASSIFIER.setup, DATA_ROOT)
    found = Earlier(earlier, CLASSIFIER, ["top1"])
    assert len(found.indices(samples, None, 0)) == PART
    assert set(found.indices(samples, 3, 0)) < set(found.indices(samples, None, 0))
    assert isinstance(samples, ClassSamples)
    gone = found.indices(samples, 1, 0)[0]
    samples = replace(samples, images=[e for i, e in enumerate(samples.images) if i != gone])
    with pytest.raises(RecordError, match=r"has 1 images that are not in .*Pass the data set"):
        found.indices(samples, None, 0)


def test_records_that_cannot_be_compared(tmp_path: Path, run_cli: RunCli, earlier: Path) -> None:
    record = read_record(earlier)
    images = earlier.with_suffix(".images.jsonl")
    for changes, said in (
        ({"row": SEGMENTOR.name}, f"is of {SEGMENTOR.name}"),
        ({"edition": "later"}, '("later" edition), not of'),
        ({"status": "interrupted"}, "was not completed"),
        ({"measurements": []}, "does not have top1; pass --metrics"),
        ({"dataset": None}, "is of the data set None, not of"),
        ({"finished_at": record.started_at.replace(year=2030)}, "cannot be compared with"),
        ({"images_file": None}, "cannot be compared with: it names no images file"),
    ):
        path = earlier.with_name("edited.json")
        write_record(record.model_copy(update=changes), path)
        assert_refused(run_cli, tmp_path, path, said)
    images.write_bytes(images.read_bytes()[:-100])
    assert_refused(run_cli, tmp_path, earlier, "is damaged after")
    images.unlink()
    assert_refused(run_cli, tmp_path, earlier, "its images file " + images.name + " is missing")
    assert_refused(run_cli, tmp_path, store_timing(tmp_path / "timings"), "is no record of verify")
    assert_refused(run_cli, tmp_path, tmp_path / "nowhere.json", "There is no record")


def assert_refused(run_cli: RunCli, tmp_path: Path, record: Path, said: str) -> None:
    finished = verify(run_cli, tmp_path / "now", "--unchanged-since", record)
    assert (finished.code, finished.out) == (3, "")
    assert said in finished.err
    assert finished.err.count("\n") == 1, "one message, before anything is loaded"
    assert not (tmp_path / "now").exists()


def test_results_that_cannot_be_read_are_others(tmp_path: Path) -> None:
    """Only matches are held against the record; somebody else may have written the rest."""
    path = record_of(DETECTOR.name, shutil.copytree(RECORDS, tmp_path / "records"))

    def damaged(line: dict[str, Any]) -> None:
        if "results" in line:
            line["results"]["single"] = "1 masks " + packed("[" * 100_000)

    change_lines(path.with_suffix(".images.jsonl"), damaged)
    seal_anew(path, json.loads(path.read_text()))
    earlier = Earlier(path, DETECTOR, ["box_ap"])
    line = next(iter(read_images(read_record(path), path).images.values()))
    found = ImageDetections(
        boxes=np.zeros((0, 4), np.float32),
        scores=np.zeros(0, np.float32),
        labels=np.zeros(0, np.int64),
        masks=[],
    )
    bbox = TASKS["detection"].from_text("bbox", line.results["bbox"])
    counted = {"single": found, "bbox": bbox}
    now = ImageResult(name=line.name, digest=line.digest or "", counted=counted)
    assert earlier.compared(["box_ap"], {line.name: now}).different == [line.name]


def packed(masks: str) -> str:
    content = b"\0" * 21 + masks.encode()
    return base64.b85encode(zlib.compress(content)).decode()
