"""The order in which the files of a run are completed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from made_up_runs import BEGIN, SETTINGS

from hrnet_zoo.records.accuracy import AccuracyRecord, Segment
from hrnet_zoo.records.files import RecordFile, read_record
from hrnet_zoo.records.images_file import FORMAT, close, read_images
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.system.environment import Environment
from hrnet_zoo.verdicts.evidence import examine


@pytest.fixture
def file(tmp_path: Path) -> RecordFile:
    record = AccuracyRecord(row="a", status="started", started_at=BEGIN)
    return RecordFile(tmp_path / "1.json", record)


def journal_of(file: RecordFile) -> Journal:
    return Journal(file.path.with_name(".unfinished"), {"format": FORMAT})


def begin(journal: Journal, record: str, **digests: str) -> None:
    """Write what a run leaves that found something in images."""
    segment = Segment(record=record, started_at=BEGIN, settings=SETTINGS, environment=Environment())
    journal.append({"record": record, "segment": segment.model_dump(mode="json")})
    for name, digest in digests.items():
        journal.append({"name": name, "digest": digest, "results": {"single": f"{name} {digest}"}})


def test_a_completed_record_knows_its_images_file(file: RecordFile) -> None:
    with journal_of(file) as journal:
        begin(journal, "1.json", image="d")
        close(file, journal, {"image": "d"})
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
    assert not list(file.path.parent.glob(".unfinished*.jsonl"))


def test_what_is_of_other_files_stays_for_a_run_that_finds_them_again(file: RecordFile) -> None:
    with journal_of(file) as journal:
        begin(journal, "0.json", a="then", b="same")
        begin(journal, "1.json", a="now")
        close(file, journal, {"a": "now", "b": "same"})
    record = read_record(file.path)
    assert isinstance(record, AccuracyRecord)
    assert [(s.record, s.num_images) for s in record.segments] == [("0.json", 1), ("1.json", 1)]
    assert record.num_images_taken_over == 1
    images = read_images(record, file.path).images
    assert {name: line.digest for name, line in images.items()} == {"a": "now", "b": "same"}
    with journal_of(file) as journal:
        assert [entry.get("digest", entry.get("record")) for entry in journal.entries] == [
            "0.json",
            "then",
        ]


@pytest.mark.parametrize("broken", ["write_whole", "synced", "RecordFile.update", "Journal.remove"])
def test_whenever_a_run_is_killed_while_it_ends_its_images_are_somewhere(
    file: RecordFile, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    with journal_of(file) as journal:
        begin(journal, "1.json", image="d")

        def killed(*_: object, **changes: object) -> None:
            if broken != "RecordFile.update" or "images_sha256" in changes:
                raise KeyboardInterrupt

        monkeypatch.setattr(f"hrnet_zoo.records.images_file.{broken}", killed)
        with pytest.raises(KeyboardInterrupt):
            close(file, journal, {"image": "d"})
    record = read_record(file.path)
    assert isinstance(record, AccuracyRecord)
    if broken == "Journal.remove":
        assert record.status == "completed"
        assert list(read_images(record, file.path).images) == ["image"]
    else:
        assert (record.status, record.images_sha256) == ("started", None)
    with journal_of(file) as journal:
        assert [entry["name"] for entry in journal.entries if "name" in entry] == ["image"]


def test_a_remark_on_a_completed_record_leaves_it_in_step_with_its_images(file: RecordFile) -> None:
    with journal_of(file) as journal:
        begin(journal, "1.json", image="d")
        close(file, journal, {"image": "d"})
    file.end("not_run", "no pictures")
    record = read_record(file.path)
    assert isinstance(record, AccuracyRecord)
    assert (record.status, record.remarks_since) == ("completed", ["no pictures"])
    found = examine(None, record, file.path)
    assert (found.missing, [each for each in found.contradictions if "remarks" in each]) == ("", [])
