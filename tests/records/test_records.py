from __future__ import annotations

import errno
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_up_zoo import write_zoo

from hrnet_zoo import demo
from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.base import SCHEMA_VERSION
from hrnet_zoo.records.files import (
    RecordFile,
    beginning,
    new_record_path,
    now,
    read_record,
    write_record,
)
from hrnet_zoo.records.folder import find_records, read_records, without_classes
from hrnet_zoo.records.migrations import FIRST_VERSION, MIGRATIONS, Migrations, migrate, newest_line
from hrnet_zoo.records.runs import open_store, rebuild_index
from hrnet_zoo.records.timing import TimingRecord
from hrnet_zoo.zoo.manifest import load_zoo


def started(row: str = "a_row") -> AccuracyRecord:
    return AccuracyRecord(row=row, status="started", started_at=now())


def test_round_trip(tmp_path: Path) -> None:
    path = new_record_path(tmp_path, "a_row", now())
    write_record(started(), path)
    assert read_record(path) == started().model_copy(
        update={"started_at": read_record(path).started_at}
    )
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_finishing_replaces_the_started_state(tmp_path: Path) -> None:
    path = new_record_path(tmp_path, "a_row", now())
    write_record(started(), path)
    write_record(started().model_copy(update={"status": "completed"}), path)
    assert [record.status for record in read_records(tmp_path, AccuracyRecord)] == ["completed"]


def test_two_runs_in_one_second_keep_two_files(tmp_path: Path) -> None:
    moment = now()
    paths = []
    for _ in range(3):
        paths.append(new_record_path(tmp_path, "a_row", moment))
        write_record(started(), paths[-1])
    assert len(set(paths)) == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "not a readable record"),
        ("[]", "not a valid record"),
        ('{"row": "x", "status": "passed", "started_at": "2026-01-01T00:00:00Z"}', "status"),
    ],
)
def test_damaged_record(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "a_row" / "1.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordError, match=what):
        list(read_records(tmp_path, AccuracyRecord))


def test_record_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_text(json.dumps({"schema_version": 99}))
    with pytest.raises(RecordError, match=r"newer hrnet-zoo.*Upgrade"):
        read_record(path)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="Pass another --output"):
        write_record(started(), tmp_path / "file" / "a_row" / "1.json")


def test_no_records_are_no_error(tmp_path: Path) -> None:
    assert list(read_records(tmp_path / "none", AccuracyRecord)) == []


def test_records_come_oldest_first(tmp_path: Path) -> None:
    for name, year in (("b", 2021), ("a", 2022), ("c", 2020)):
        record = started(name).model_copy(update={"started_at": now().replace(year=year)})
        write_record(record, tmp_path / name / "1.json")
    assert [record.row for record in read_records(tmp_path, AccuracyRecord)] == ["c", "b", "a"]


def rename(content: dict[str, Any]) -> dict[str, Any]:
    content["seconds"] = content.pop("duration_ms") / 1000
    return content


STEPS: Migrations = {1: rename, 2: lambda content: content | {"device": "cpu"}}


@pytest.mark.parametrize(
    "content",
    [
        {"row": "a", "duration_ms": 1500},
        {"schema_version": 1, "row": "a", "duration_ms": 1500},
        {"schema_version": 2, "row": "a", "seconds": 1.5},
        {"schema_version": 3, "row": "a", "seconds": 1.5, "device": "cpu"},
    ],
    ids=["without a version", "oldest", "older", "newest"],
)
def test_old_content_is_brought_up_to_date(content: dict[str, Any]) -> None:
    before = dict(content)
    newest = {"schema_version": 3, "row": "a", "seconds": 1.5, "device": "cpu"}
    assert migrate(content, 3, STEPS) == newest
    assert content == before


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"schema_version": 1, "result": 3}, r"1\.json .*version 1 cannot be brought up to date"),
        ({"schema_version": 0, "row": "a"}, 'its kind is "None"'),
        ({"schema_version": "1", "row": "a"}, 'its kind is "None"'),
        ({"schema_version": "1", "kind": "accuracy", "row": "a"}, "schema_version"),
        ({"schema_version": 2, "kind": "accuracy", "row": 1}, "accuracy.row"),
        (
            {"schema_version": 2, "kind": "energy", "row": "a"},
            r'1\.json .*its kind is "energy", .*knows accuracy, timing, memory\. Upgrade',
        ),
        ({"schema_version": SCHEMA_VERSION + 1, "kind": "energy"}, "newer hrnet-zoo.*Upgrade"),
    ],
    ids=str,
)
def test_records_that_cannot_be_used(tmp_path: Path, content: dict[str, Any], what: str) -> None:
    path = tmp_path / "1.json"
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=what):
        read_record(path)


def test_every_version_that_ever_was_can_be_read() -> None:
    assert list(MIGRATIONS) == list(range(FIRST_VERSION, SCHEMA_VERSION))


def test_the_kind_in_the_file_decides_not_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a_row" / "timings" / "1.json"
    write_record(started(), path)
    assert [record.row for record in read_records(tmp_path, AccuracyRecord)] == ["a_row"]
    assert read_records(tmp_path, TimingRecord) == []


def test_a_damaged_file_is_named_to_those_who_look_for_its_kind(tmp_path: Path) -> None:
    path = new_record_path(tmp_path, "a_row", now(), "timing")
    path.write_text("{")
    assert read_records(tmp_path, AccuracyRecord) == []
    with pytest.raises(RecordError, match="not a readable record"):
        read_records(tmp_path, TimingRecord)


def of_version_1(folder: Path, **measurement: Any) -> Path:
    content = {
        "schema_version": 1, "row": "a", "status": "completed",
        "started_at": "2026-01-01T00:00:00Z",
        "measurements": [
            {
                "value": 70.5, "interval": None, "macc": None, "aacc": None, "classes": [],
                "coco": None,
                "protocol": {
                    "name": "single", "test": {"scale": [8, 8]}, "ratios": [1.0], "flip": False,
                    "normalisation": {"channel_order": "rgb", "mean": [0, 0, 0], "std": [1, 1, 1]},
                },
            }
            | measurement
        ],
    }  # fmt: skip
    path = folder / "1.json"
    path.write_text(json.dumps(content))
    return path


def test_label_maps_of_version_1_are_read(tmp_path: Path) -> None:
    classes = [{"name": "road", "iou": 80.5, "accuracy": None}]
    path = of_version_1(tmp_path, metric="miou", macc=88.0, aacc=94.0, classes=classes)
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    (measured,) = record.measurements
    assert (measured.metric, measured.value, measured.scoring) == ("miou", 70.5, None)
    assert measured.figures == {"macc": 88.0, "aacc": 94.0}
    assert [(c.name, c.figures) for c in measured.classes] == [
        ("road", {"iou": 80.5, "accuracy": None})
    ]
    assert measured.protocol is not None
    assert measured.protocol.test == {"scale": [8, 8]}


def test_detections_of_version_1_are_read(tmp_path: Path) -> None:
    scoring = {
        "backend": "pycocotools", "version": "2.0.11", "asked": "auto",
        "parity_num_images": None, "parity_largest_difference": None, "remarks": ["slow"],
    }  # fmt: skip
    coco = {
        "figures": {"ap": 70.5, "ap_large": None},
        "categories": [{"name": "car", "ap": 60.0}, {"name": "person", "ap": None}],
        "scoring": scoring,
    }
    path = of_version_1(tmp_path, metric="box_ap", coco=coco)
    record = read_record(path)
    assert isinstance(record, AccuracyRecord)
    (measured,) = record.measurements
    assert measured.figures == {"ap": 70.5, "ap_large": None}
    assert [(c.name, c.figures) for c in measured.classes] == [
        ("car", {"ap": 60.0}), ("person", {"ap": None}),
    ]  # fmt: skip
    assert measured.scoring is not None
    assert measured.scoring.model_dump() == scoring


@pytest.mark.parametrize(
    ("line", "results"),
    [
        ({"counts": {"miou": "a", "miou_ms_flip": "b"}}, {"single": "a", "ms_flip": "b"}),
        ({"detections": "c", "image_id": 3}, {"single": "c"}),
        ({"results": {"single": "d"}}, {"single": "d"}),
    ],
)
def test_lines_of_images_are_read_by_protocol(
    line: dict[str, Any], results: dict[str, str]
) -> None:
    new = newest_line({"name": "image 0", "digest": "f"} | line)
    assert new == {"name": "image 0", "digest": "f", "results": results}


def test_of_many_records_only_what_tables_need_is_kept(tmp_path: Path) -> None:
    """The numbers of classes are nine tenths of 60 kB, which 10,000 records made 600 MB of."""
    write_zoo(
        tmp_path, runs=1, pictures=False, zoo=load_zoo(Path(demo.__file__).parent / "zoo.yaml")
    )
    kept = find_records(tmp_path, AccuracyRecord)
    assert kept
    assert not any(each.classes for found in kept for each in found.record.measurements)
    whole = read_record(kept[0].path)
    assert isinstance(whole, AccuracyRecord)
    assert without_classes(whole) == kept[0].record


def test_a_run_is_the_newest_although_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for the newest run goes by when runs began, and by their order in a second."""
    today = now()
    began, remarks = beginning(tmp_path, "a_row")
    assert remarks == []
    write_record(started(), new_record_path(tmp_path, "a_row", began))
    monkeypatch.setattr("hrnet_zoo.records.files.now", lambda: today - timedelta(days=400))
    for number in (2, 3):
        again, remarks = beginning(tmp_path, "a_row")
        assert again == began
        assert "it is placed after that one" in remarks[0]
        path = new_record_path(tmp_path, "a_row", again)
        record = started().model_copy(update={"started_at": again, "reason": str(number)})
        file = RecordFile(path, record)
        file.end("not_run", str(number))
        assert file.record.finished_at == again
        assert find_records(tmp_path, AccuracyRecord)[-1].path == path
        assert open_store(tmp_path).newest("a_row").file == f"a_row/{path.name}"
    assert beginning(tmp_path, "another_row") == (today - timedelta(days=400), [])


def test_what_a_record_says_is_what_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = new_record_path(tmp_path, "a_row", now())
    file = RecordFile(path, started())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("hrnet_zoo.records.files.write_whole", full)
    with pytest.raises(RecordError, match="No space left"):
        file.update(status="completed")
    assert file.record == read_record(path)
    with pytest.raises(RecordError, match="No space left"):
        RecordFile(other := new_record_path(tmp_path, "a_row", now()), started())
    assert not other.exists()


def test_a_record_whose_folder_was_deleted_is_not_made_anew(tmp_path: Path) -> None:
    path = new_record_path(tmp_path, "a_row", now())
    file = RecordFile(path, started())
    shutil.rmtree(path.parent)
    with pytest.raises(RecordError, match="its folder was deleted"):
        file.end("completed")
    assert not path.parent.exists()


@pytest.mark.parametrize("field", ["kind", "row", "reason", "surprise"])
def test_half_a_character_harms_one_record_only(tmp_path: Path, field: str) -> None:
    for name in ("a_row", "b_row"):
        write_record(started(name), tmp_path / name / "20260101T000000Z.json")
    path = tmp_path / "a_row" / "20260101T000000Z.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: "a\ud800b"}))
    store = rebuild_index(tmp_path)
    assert [run.row for run in store.runs] == ["b_row"]
    (message,) = store.damaged
    assert "is not a readable record" in message
    message.encode()
