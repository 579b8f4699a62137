from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.accuracy import (
    MIGRATIONS,
    SCHEMA_VERSION,
    Record,
    new_record_path,
    now,
    read_as,
    read_record,
    read_records,
    write_record,
)
from hrnet_zoo.records.migrations import FIRST_VERSION, Migrations, newest_line
from hrnet_zoo.records.timing import TIMING_MIGRATIONS, TIMING_VERSION


def started(row: str = "a_row") -> Record:
    return Record(row=row, status="started", started_at=now())


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
    assert [record.status for record in read_records(tmp_path)] == ["completed"]


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
        ("{", "no readable record"),
        ("[]", "no valid record"),
        ('{"row": "x", "status": "passed", "started_at": "2026-01-01T00:00:00Z"}', "status"),
    ],
)
def test_damaged_record(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "a_row" / "1.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(RecordError, match=what):
        list(read_records(tmp_path))


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
    assert list(read_records(tmp_path / "none")) == []


def test_records_come_oldest_first(tmp_path: Path) -> None:
    for name, year in (("b", 2021), ("a", 2022), ("c", 2020)):
        record = started(name).model_copy(update={"started_at": now().replace(year=year)})
        write_record(record, tmp_path / name / "1.json")
    assert [record.row for record in read_records(tmp_path)] == ["c", "b", "a"]


class Newest(BaseModel):
    """A record whose third version differs from the first in two ways."""

    model_config = ConfigDict(extra="forbid")

    schema_version: Literal[3]
    row: str
    seconds: float
    device: str


def rename(content: dict[str, Any]) -> dict[str, Any]:
    content["seconds"] = content.pop("duration_ms") / 1000
    return content


STEPS: Migrations = {1: rename, 2: lambda content: content | {"device": "cpu"}}


@pytest.mark.parametrize(
    "content",
    [
        {"schema_version": 1, "row": "a", "duration_ms": 1500},
        {"schema_version": 2, "row": "a", "seconds": 1.5},
        {"schema_version": 3, "row": "a", "seconds": 1.5, "device": "cpu"},
    ],
    ids=["oldest", "older", "newest"],
)
def test_old_records_are_brought_up_to_date(tmp_path: Path, content: dict[str, Any]) -> None:
    path = tmp_path / "1.json"
    path.write_text(json.dumps(content))
    record = read_as(Newest, path, 3, STEPS)
    assert record == Newest(schema_version=3, row="a", seconds=1.5, device="cpu")
    assert json.loads(path.read_text()) == content


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({"schema_version": 1, "row": "a"}, r"1\.json .*version 1 cannot be brought up to date"),
        ({"schema_version": 1, "row": "a", "duration_ms": "long"}, "cannot be brought up to date"),
        ({"schema_version": 0, "row": "a"}, "schema_version"),
        ({"schema_version": "1", "row": "a"}, "schema_version"),
        ({"schema_version": 4}, "newer hrnet-zoo"),
    ],
    ids=str,
)
def test_records_that_cannot_be_brought_up_to_date(
    tmp_path: Path, content: dict[str, Any], what: str
) -> None:
    path = tmp_path / "1.json"
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=what):
        read_as(Newest, path, 3, STEPS)


@pytest.mark.parametrize(
    ("newest", "migrations"),
    [(SCHEMA_VERSION, MIGRATIONS), (TIMING_VERSION, TIMING_MIGRATIONS)],
    ids=["accuracy", "time"],
)
def test_every_version_that_ever_was_can_be_read(newest: int, migrations: Migrations) -> None:
    assert list(migrations) == list(range(FIRST_VERSION, newest))


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
    (measured,) = read_record(path).measurements
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
    (measured,) = read_record(path).measurements
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
