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
from hrnet_zoo.records.migrations import FIRST_VERSION, Migrations
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
