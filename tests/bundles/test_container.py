"""The file of a bundle has one form: all else is refused, and nothing grows when unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hrnet_zoo.bundles.container import packed, read_members, unpacked
from hrnet_zoo.errors import BundleError

MEMBERS = {"a.json": b"{}", "records/row/b.jsonl": b"x" * 300}


def test_any_zip_program_reads_it() -> None:
    archive = zipfile.ZipFile(io.BytesIO(packed(MEMBERS)))
    assert archive.testzip() is None
    assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
    assert {info.external_attr >> 16 for info in archive.infolist()} == {0o100644}


def test_what_was_packed_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(packed(MEMBERS))
    assert read_members(path) == MEMBERS
    assert [*read_members(path)] == [*MEMBERS]


def test_every_flip_of_a_bit_is_found() -> None:
    whole = packed({"a.json": b"{}", "b": b"some text"})
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            with pytest.raises(ValueError, match=r"\w"):
                unpacked(bytes(flipped))


def zipped(write: Callable[[zipfile.ZipFile], object]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        write(archive)
    return file.getvalue()


def compressed(archive: zipfile.ZipFile) -> None:
    archive.writestr("a.json", b"\0" * 10_000_000, zipfile.ZIP_DEFLATED)


def with_extra(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a.json", (1980, 1, 1, 0, 0, 0))
    info.extra = b"\x99\x99\x02\0ab"
    archive.writestr(info, "{}")


WHOLE = packed(MEMBERS)
FILE_MODE, LINK_MODE = (struct.pack("<L", mode << 16) for mode in (0o100644, 0o120777))
HEADER = struct.Struct("<4s5H3L2H")
BOMB = HEADER.pack(b"PK\3\4", 20, 0, 0, 0, 0x21, 0, 2**32 - 1, 2**32 - 1, 1, 0) + b"a"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not begin with a file"),
        (b"PK\3\4", "it is cut"),
        (b"\0" + WHOLE, "does not begin with a file"),
        (WHOLE + b"\0", "is not the list of these files"),
        (WHOLE[:-1], "is not the list of these files"),
        (WHOLE[:-1] + b"x", "is not the list of these files"),
        (WHOLE[:37], "'a.json' is to have 2 bytes"),
        (WHOLE.replace(FILE_MODE, LINK_MODE), "is not the list of these files"),
        (packed({"a": b"1"})[:32] * 2, "holds a twice"),
        (zipped(compressed), "'a.json' is compressed"),
        (zipped(with_extra), "is not what its header"),
        (zipped(lambda archive: archive.writestr("ä", "{}")), "not ASCII"),
        (BOMB, "is to have 4294967295 bytes"),
        (b"".join(packed({str(i): b""})[: 30 + len(str(i))] for i in range(17_000)), "than 16384"),
    ],
)
def test_what_is_otherwise_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=why) as refused:
        read_members(path)
    assert str(path) in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing", Path("/dev/zero")):
        with pytest.raises(BundleError, match=str(path)):
            read_members(path)
