"""Zip files that say something false of themselves, or are read nowhere."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from hrnet_zoo.datasets.prepare.archives import open_source
from hrnet_zoo.errors import DatasetError

ENTRY = b"PK\x01\x02"
VERSION, FLAGS, HIGH_FLAGS, SIZE, NAME = 6, 8, 9, 24, 46
"""Where they are in an entry of the directory."""


def zipped(
    method: int = zipfile.ZIP_DEFLATED,
    content: bytes = bytes(100),
    changes: dict[int, bytes] | None = None,
) -> bytes:
    """Return a zip file of one member, whose entry in the directory is changed at some places."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.png", content)
    made = bytearray(buffer.getvalue())
    entry = made.rfind(ENTRY)
    for place, value in (changes or {}).items():
        made[entry + place : entry + place + len(value)] = value
    return bytes(made)


def content_of(folder: Path, archive: bytes) -> list[bytes]:
    (folder / "x.zip").write_bytes(archive)
    with open_source(folder, r".*\.zip") as opened:
        return [member.read() for member in opened.select(r"x\.zip/").values()]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_official_downloads_are_is_read(tmp_path: Path, method: int) -> None:
    assert content_of(tmp_path, zipped(method)) == [bytes(100)]


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (zipped(zipfile.ZIP_LZMA), "is compressed by method 14; only 0 and 8"),
        (zipped(zipfile.ZIP_BZIP2), "is compressed by method 12; only 0 and 8"),
        (zipped(changes={VERSION: b"\x40"}), "zip file version 6.4"),
        (zipped(changes={FLAGS: b"\1"}), "is encrypted"),
        (zipped(changes={HIGH_FLAGS: b"\x08", NAME: b"\xff"}), "codec can't decode byte 0xff"),
        (zipped(changes={SIZE: struct.pack("<I", 200)}), "a.png ends early"),
        (zipped(changes={SIZE: struct.pack("<I", 2**32 - 2)}), "would have 4294967294 bytes, and"),
        (zipped(changes={NAME: b"\0"}), "an entry has no name"),
        (b"PK", "is not an intact zip file"),
    ],
)
def test_others_are_one_message(tmp_path: Path, archive: bytes, said: str) -> None:
    with pytest.raises(DatasetError) as caught:
        content_of(tmp_path, archive)
    assert str(caught.value).startswith(str(tmp_path / "x.zip"))
    assert said in str(caught.value)


def test_no_more_is_undone_than_is_declared(tmp_path: Path) -> None:
    """Thirty megabytes of which a hundred bytes are declared."""
    archive = zipped(content=bytes(30_000_000), changes={SIZE: struct.pack("<I", 100)})
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"not an intact zip file \(Bad CRC-32"):
        content_of(tmp_path, archive)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_pipe_that_is_called_zip(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.zip")
    with (
        pytest.raises(DatasetError, match=r"x\.zip cannot be read: is not a regular file"),
        open_source(tmp_path, r".*\.zip"),
    ):
        pass


def test_any_byte_of_the_directory(tmp_path: Path) -> None:
    """It is read or refused, and there is no other error."""
    for place in range(52):
        with suppress(DatasetError):
            content_of(tmp_path, zipped(changes={place: b"\xa7"}))
