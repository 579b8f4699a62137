"""Only regular files of a reasonable size are read."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from hrnet_zoo.system.opening import open_regular, read_regular


def test_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    (tmp_path / "link").symlink_to(file)
    assert read_regular(tmp_path / "link", 7) == b"content"


def test_file_of_more_bytes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content!")
    with pytest.raises(OSError, match="more than 7 bytes"):
        read_regular(tmp_path / "file", 7)


def test_pipe_nobody_writes_to_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(tmp_path / "pipe")


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_device_is_refused(path: str) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        open_regular(Path(path))


def test_folder_is_called_that(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is a folder"):
        open_regular(tmp_path)


def test_memory_is_taken_for_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"12345")
    tracemalloc.start()
    assert read_regular(tmp_path / "small", 2**30) == b"12345"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_file_that_says_it_is_empty_is_read_whole() -> None:
    path = Path("/proc/self/status")
    if path.is_file():
        assert b"\nPid:" in read_regular(path, 2**20)
