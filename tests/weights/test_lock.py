"""The file of locked checkpoints: what it says, and how it is written."""

from __future__ import annotations

import os
import threading
from datetime import date
from pathlib import Path

import filelock
import pytest

from hrnet_zoo.errors import CheckpointError, LockError
from hrnet_zoo.weights import lock
from hrnet_zoo.weights.lock import LockedFile, Pin, read_lock, write_entry

FIRST = LockedFile(
    file="a-01234567.pth",
    sha256="01234567" + "8" * 56,
    size_bytes=9,
    locked_on=date(2026, 11, 30),
    url="https://h.example/a-01234567.pth",
)
SECOND = FIRST.model_copy(update={"file": "b.pth", "size_bytes": 10})
OTHER = FIRST.model_copy(update={"sha256": "01234567" + "9" * 56})


def test_a_line_for_each_file_by_name(tmp_path: Path) -> None:
    path = tmp_path / "new" / "zoo.lock"
    assert read_lock(path) == {}
    assert write_entry(path, SECOND) == SECOND
    assert write_entry(path, FIRST) == FIRST
    assert read_lock(path) == {"a-01234567.pth": FIRST, "b.pth": SECOND}
    head, *lines = path.read_text().splitlines()
    assert head.startswith('{"format":1,')
    assert [line.split(",")[0] for line in lines] == ['{"file":"a-01234567.pth"', '{"file":"b.pth"']


def test_what_is_locked_stays_unless_it_is_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "zoo.lock"
    write_entry(path, FIRST)
    before = path.stat()
    assert write_entry(path, OTHER) == FIRST
    assert path.stat() == before
    assert write_entry(path, OTHER, replace=True) == OTHER
    assert read_lock(path)[FIRST.file] == OTHER


def test_nobody_loses_what_others_lock_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "zoo.lock"
    entries = [FIRST.model_copy(update={"file": f"{i}.pth"}) for i in range(24)]
    begin = threading.Barrier(4)

    def lock_all(own: list[LockedFile]) -> None:
        begin.wait()
        for entry in own:
            write_entry(path, entry)

    # Threads open the lock's lock each for itself, as processes do.
    threads = [threading.Thread(target=lock_all, args=(entries[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_lock(path)) == sorted(entry.file for entry in entries)


HEAD = '{"format":1}\n'
LINE = FIRST.model_dump_json()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "zoo.lock:1: the lock is damaged"),
        ("files:\n", "zoo.lock:1: the lock is damaged"),
        ('{"format":2}\n', "written by a newer hrnet-zoo (format 2, this one reads 1); upgrade"),
        (HEAD + "<<<<<<< ours\n", "zoo.lock:2: the lock is damaged"),
        (HEAD + LINE + "\n" + LINE[:-9] + "\n", "zoo.lock:3: the lock is damaged"),
        (HEAD + LINE + "\n" + LINE + "\n", "a-01234567.pth is locked twice"),
        (HEAD + LINE.replace('"0123', '"123'), "sha256"),
        (HEAD + LINE.replace(":9,", ':"9",'), "size_bytes"),
        (HEAD + LINE.replace(":9,", ":-9,"), "size_bytes"),
        (HEAD + LINE.replace("2026-11", "2026-13"), "locked_on"),
        (HEAD + LINE.replace('"url"', '"uri"'), "url"),
        (HEAD + "[" * 100_000, "zoo.lock:2: the lock is damaged"),
        (HEAD + LINE.replace(":9,", ":" + "9" * 5000 + ","), "zoo.lock:2: the lock is damaged"),
    ],
)
def test_a_damaged_lock_is_one_message(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "zoo.lock"
    path.write_text(text)
    for act in (lambda: read_lock(path), lambda: write_entry(path, FIRST)):
        with pytest.raises(LockError) as caught:
            act()
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_a_lock_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "zoo.lock"
    os.mkfifo(path)
    with pytest.raises(LockError, match="not a regular file"):
        read_lock(path)


def test_a_lock_that_cannot_be_written_is_not_done_without(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError) as caught:
        write_entry(tmp_path / "file" / "zoo.lock", FIRST)
    for part in (FIRST.sha256, "cannot be locked in", "--lock"):
        assert part in str(caught.value)


def test_a_process_that_holds_the_lock_for_ever_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WRITE_WITHIN_S", 0.01)
    path = tmp_path / "zoo.lock"
    with (
        filelock.FileLock(tmp_path / ".zoo.lock.lock"),
        pytest.raises(CheckpointError, match=r"cannot be locked in .*zoo\.lock"),
    ):
        write_entry(path, FIRST)


def test_another_file_is_refused_with_both_digests(tmp_path: Path) -> None:
    pin = Pin(locked=FIRST, lock=tmp_path / "zoo.lock", update="hrnet-zoo lock --update a")
    pin.require("a file", FIRST.sha256, 9)
    for sha256, size in ((OTHER.sha256, 9), (FIRST.sha256, 8)):
        with pytest.raises(CheckpointError) as caught:
            pin.require("a file", sha256, size)
        wanted = (f"{sha256} and {size} bytes", f"{FIRST.sha256} and 9 bytes", "since 2026-11-30")
        for part in (*wanted, '"hrnet-zoo lock --update a"'):
            assert part in str(caught.value)
