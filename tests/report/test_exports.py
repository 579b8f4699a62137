"""Exports of the demo's records, whose evidence is real, held against their formats."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from support.accuracy import read_record
from support.exports import DEMO, in_card, in_file
from support.trees import RunCli

from hrnet_zoo.records.accuracy import AccuracyRecord

RECORDS = DEMO[-1]


def demo_records() -> Iterator[tuple[str, AccuracyRecord]]:
    for path in sorted(RECORDS.glob("*/*Z.json")):
        record = read_record(path)
        yield record.row, record


def test_a_model_card_has_the_values_of_the_records(run_cli: RunCli) -> None:
    finished = run_cli("report", "model-index", *DEMO)
    models = in_card(finished)
    assert finished.err == ""
    assert "/: Is a directory" in run_cli("report", "model-index", *DEMO, "--output", "/").err
    names = {"miou": "mIoU, percent", "box_ap": "box AP, percent", "top1": "Top-1, percent"}
    for row, record in demo_records():
        accuracies = {names[m.metric]: m.value for m in record.measurements if m.metric in names}
        assert {result.metric_name: result.metric_value for result in models.pop(row)} == accuracies
    assert not models


def test_a_record_that_contradicts_its_images_is_left_out_and_named(
    run_cli: RunCli, tmp_path: Path
) -> None:
    records = shutil.copytree(RECORDS, tmp_path / "records")
    (path,) = records.glob("fcn*/*Z.json")
    content = json.loads(path.read_text())
    content["measurements"][0]["value"] += 0.001
    path.write_text(json.dumps(content))
    finished = run_cli("report", "model-index", *DEMO[:-1], records)
    assert "fcn_hr5s_180x270_2k_scenes" not in in_card(finished)
    assert f"{path.name}: not comparable: the record contradicts its images file" in finished.err
    finished = run_cli("report", "model-index", path.parent.name, *DEMO[:-1], records)
    assert (finished.code, finished.out) == (3, "")


def test_a_bundle_gives_what_its_records_do(run_cli: RunCli) -> None:
    bundle = Path(DEMO[-1]).with_name("bundle.zip")
    from_records = run_cli("report", "model-index", *DEMO)
    assert run_cli("report", "model-index", *DEMO[:-1], bundle) == from_records
    nowhere = run_cli("report", "model-index", *DEMO[:-1], bundle.with_name("nowhere"))
    assert (nowhere.code, "There is no folder or bundle" in nowhere.err) == (2, True)
    other = run_cli("report", "model-index", *DEMO[:-1], Path(__file__))
    assert (other.code, "is not a bundle as it was made" in other.err) == (3, True)


def test_a_file_for_a_leaderboard_has_value_time_and_circumstances(run_cli: RunCli) -> None:
    for row, record in demo_records():
        (measured,) = (m for m in record.measurements if m.metric in ("miou", "box_ap", "top1"))
        benchmark = f"{measured.metric}=somebody/scenes-1.0:{row}"
        (entry,) = in_file(run_cli("report", "eval-results", row, "--benchmark", benchmark, *DEMO))
        assert (entry.dataset_id, entry.task_id) == ("somebody/scenes-1.0", row)
        assert entry.value == measured.value
        assert record.finished_at
        assert record.dataset
        assert record.checkpoint
        assert entry.date == record.finished_at.isoformat()
        assert {entry.dataset_revision, entry.verify_token} == {None}
        for said in (
            ", percent; match with the documented ",
            record.dataset.fingerprint,
            record.checkpoint.sha256,
            "hrnet-zoo 0.1.0",
        ):
            assert said in (entry.notes or "")
