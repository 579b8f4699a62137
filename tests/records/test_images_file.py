"""The order in which the files of a run are completed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from made_up_runs import BEGIN

from hrnet_zoo.records.accuracy import AccuracyRecord
from hrnet_zoo.records.files import RecordFile, read_record
from hrnet_zoo.records.images_file import FORMAT, close, read_images
from hrnet_zoo.records.journal import Journal


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    record = AccuracyRecord(row="a", status="started", started_at=BEGIN)
    return RecordFile(tmp_path / "1.json", record)


def journal_of(file: RecordFile) -> Journal:
    return Journal(file.path.with_name("journal.jsonl"), {"format": FORMAT})


def test_a_completed_record_knows_its_images_file(file: RecordFile) -> None:
    with journal_of(file) as journal:
        journal.append({"name": "image", "digest": "d", "results": {"single": "x"}})
        close(file, journal)
    record = read_record(file.path)
    assert isinstance(record, AccuracyRecord)
    assert (record.status, record.images_file) == ("completed", "1.images.jsonl")
    content = file.path.with_name("1.images.jsonl").read_bytes()
    assert record.images_sha256 == hashlib.sha256(content).hexdigest()
    assert record.images_bytes == len(content)
    images = read_images(record, file.path)
    assert list(images.images) == ["image"]
    assert images.ended is not None
    assert images.ended["finished_at"] == record.model_dump(mode="json")["finished_at"]


@pytest.mark.parametrize("broken", ["append", "finish"])
def test_a_run_that_is_killed_while_it_ends_was_started(
    file: RecordFile, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    with journal_of(file) as journal:
        real = getattr(Journal, broken)

        def killed(*given: object) -> None:
            real(*given)
            raise KeyboardInterrupt

        monkeypatch.setattr(Journal, broken, killed)
        with pytest.raises(KeyboardInterrupt):
            close(file, journal)
    record = read_record(file.path)
    assert isinstance(record, AccuracyRecord)
    assert (record.status, record.images_sha256) == ("started", None)
