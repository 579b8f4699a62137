from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest

from hrnet_zoo.errors import RecordError
from hrnet_zoo.records.journal import Journal

IDENTITY = {"checkpoint": "abc", "dataset": "def"}


def entries(stem: Path, identity: dict[str, str] = IDENTITY) -> list[int]:
    with Journal(stem, identity) as journal:
        return [entry["n"] for entry in journal.entries]


@pytest.fixture
def stem(tmp_path: Path) -> Path:
    """How the path of a journal with five pieces begins."""
    stem = tmp_path / "folder" / ".run"
    with Journal(stem, IDENTITY) as journal:
        for n in range(5):
            journal.append({"n": n, "text": "x" * n})
    return stem


@pytest.fixture
def path(stem: Path) -> Path:
    """That journal."""
    (path,) = stem.parent.glob(".run-*.jsonl")
    return path


def line(entry: object) -> bytes:
    text = json.dumps(entry).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def test_pieces_are_found_again(stem: Path) -> None:
    assert entries(stem) == [0, 1, 2, 3, 4]


def test_going_on_appends(stem: Path) -> None:
    with Journal(stem, IDENTITY) as journal:
        journal.append({"n": 5})
    assert entries(stem) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_torn_last_line_is_dropped_and_written_over(stem: Path, path: Path, cut: int) -> None:
    path.write_bytes(path.read_bytes()[:-cut])
    assert entries(stem) == [0, 1, 2, 3]
    with Journal(stem, IDENTITY) as journal:
        journal.append({"n": 40})
    assert entries(stem) == [0, 1, 2, 3, 40]


def test_a_damaged_line_takes_no_other_with_it(stem: Path, path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b'"n":2') == 1
    path.write_bytes(content.replace(b'"n":2', b'"n":7'))
    assert entries(stem) == [0, 1, 3, 4]
    with Journal(stem, IDENTITY) as journal:
        assert journal.lines() == [IDENTITY, *journal.entries]


@pytest.mark.parametrize("content", [b"", b"\n", b"no journal\n", b"\x00" * 100])
def test_a_file_without_any_piece_starts_anew(stem: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert entries(stem) == []
    assert entries(stem) == []


@pytest.mark.parametrize("first", [b"", line({**IDENTITY, "checkpoint": "other"}), line([1])])
def test_pieces_of_who_knows_what_are_neither_used_nor_deleted(
    stem: Path, path: Path, first: bytes
) -> None:
    damaged = first + path.read_bytes().partition(b"\n")[2]
    path.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(RecordError, match="move it away to start anew"):
            Journal(stem, IDENTITY)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_not_waited_for(stem: Path, path: Path, make: object) -> None:
    path.unlink()
    assert callable(make)
    make(path)
    with pytest.raises(RecordError, match="cannot be read"):
        Journal(stem, IDENTITY)


def test_another_identity_has_a_journal_of_its_own(stem: Path, path: Path) -> None:
    before = path.read_bytes()
    with Journal(stem, {**IDENTITY, "checkpoint": "other"}) as journal:
        assert journal.entries == []
        assert journal.changed() == ["checkpoint"]
        journal.append({"n": 9})
    assert path.read_bytes() == before
    assert entries(stem) == [0, 1, 2, 3, 4]
    assert entries(stem, {**IDENTITY, "checkpoint": "other"}) == [9]


def test_what_a_former_version_left_is_found_and_stays(tmp_path: Path) -> None:
    old = tmp_path / ".run.jsonl"
    old.write_bytes(line({"checkpoint": "abc"}) + line({"n": 1}))
    before = old.read_bytes()
    with Journal(tmp_path / ".run", IDENTITY | {"setup": "x"}) as journal:
        assert (journal.entries, journal.changed()) == ([], ["version of hrnet-zoo"])
    assert old.read_bytes() == before


def test_a_new_journal_reports_no_change(tmp_path: Path) -> None:
    with Journal(tmp_path / "new", IDENTITY) as journal:
        assert journal.changed() == []


def test_two_runs_cannot_share_a_journal(stem: Path) -> None:
    with Journal(stem, IDENTITY), pytest.raises(RecordError, match="Another run is writing"):
        Journal(stem, IDENTITY)
    assert entries(stem) == [0, 1, 2, 3, 4]


def test_pieces_that_go_make_room_for_others(stem: Path, path: Path) -> None:
    with Journal(stem, IDENTITY) as journal:
        journal.keep(journal.entries[3:])
        journal.append({"n": 5})
    assert entries(stem) == [3, 4, 5]
    with Journal(stem, IDENTITY) as journal:
        journal.remove()
    assert not path.exists()


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="Pass another --output"):
        Journal(tmp_path / "file" / "run", IDENTITY)
