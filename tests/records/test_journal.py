from __future__ import annotations

from pathlib import Path

import pytest

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.journal import Journal

IDENTITY = {"checkpoint": "abc", "dataset": "def"}


def entries(path: Path, identity: dict[str, str] = IDENTITY) -> list[int]:
    with Journal(path, identity) as journal:
        return [entry["n"] for entry in journal.entries]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with five pieces."""
    path = tmp_path / "folder" / "run.jsonl"
    with Journal(path, IDENTITY) as journal:
        for n in range(5):
            journal.append({"n": n, "text": "x" * n})
    return path


def test_pieces_are_found_again(path: Path) -> None:
    assert entries(path) == [0, 1, 2, 3, 4]


def test_going_on_appends(path: Path) -> None:
    with Journal(path, IDENTITY) as journal:
        journal.append({"n": 5})
    assert entries(path) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_is_dropped_and_written_over(path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    assert entries(path) == [0, 1, 2, 3]
    with Journal(path, IDENTITY) as journal:
        journal.append({"n": 40})
    assert entries(path) == [0, 1, 2, 3, 40]


def test_a_damaged_line_ends_what_is_believed(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b'"n":2') == 1
    path.write_bytes(content.replace(b'"n":2', b'"n":7'))
    assert entries(path) == [0, 1]


@pytest.mark.parametrize("content", [b"", b"\n", b"no journal\n", b"\x00" * 100])
def test_a_file_that_is_no_journal_starts_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert entries(path) == []
    assert entries(path) == []


def test_another_identity_starts_anew_and_says_what_changed(path: Path) -> None:
    with Journal(path, {**IDENTITY, "checkpoint": "other"}) as journal:
        assert journal.entries == []
        assert journal.changed == ["checkpoint"]
    assert entries(path, {**IDENTITY, "checkpoint": "other"}) == []


def test_a_new_journal_reports_no_change(tmp_path: Path) -> None:
    with Journal(tmp_path / "new.jsonl", IDENTITY) as journal:
        assert journal.changed == []


def test_two_runs_cannot_share_a_journal(path: Path) -> None:
    with Journal(path, IDENTITY), pytest.raises(RecordError, match="Another run is writing"):
        Journal(path, IDENTITY)
    assert entries(path) == [0, 1, 2, 3, 4]


def test_finishing_moves_the_journal_away(path: Path, tmp_path: Path) -> None:
    with Journal(path, IDENTITY) as journal:
        journal.finish(tmp_path / "finished.jsonl")
    assert not path.exists()
    assert entries(tmp_path / "finished.jsonl") == [0, 1, 2, 3, 4]


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="Pass another --output"):
        Journal(tmp_path / "file" / "run.jsonl", IDENTITY)
