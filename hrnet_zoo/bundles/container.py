"""The file of a bundle: a zip that any tool unpacks, and that has one form only.

Files lie in it as they are, uncompressed, with nothing that could be said in two ways: no times,
comments, extra fields or permissions of their own. What is read is held against what would be
written, byte for byte. So no byte is without meaning, nothing unpacks to more than was read, and
what other programs might understand otherwise is refused.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from hrnet_zoo.errors import BundleError, explain_os_error
from hrnet_zoo.system.opening import read_regular

LARGEST = 2**29
"""Bytes that a bundle may have: the detections of 5000 images in COCO take about 2**25."""
LARGEST_TEXT = 2**24
"""Bytes that statements, manifest or a record may have; images files have one line an image."""
_MOST_MEMBERS = 2**14
_LONGEST_NAME = 400

_VERSION = 20
_UNIX, _MODE = 3, 0o100644
_FIRST_DAY = 0x21
"""1980-01-01, the earliest that a zip can say."""
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_HEADER = struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_CLOSING = struct.Struct("<4s4H2LH")


def packed(members: Mapping[str, bytes]) -> bytes:
    """Return the file that holds these members, in their order.

    Raises:
        BundleError: it would be too large.
    """
    size = sum(map(len, members.values()))
    if size > LARGEST:
        msg = f"The records take {size} bytes, and a bundle has {LARGEST} at most. Bundle fewer."
        raise BundleError(msg)
    pieces = [piece for name, data in members.items() for piece in (_header(name, data), data)]
    return b"".join([*pieces, _directory(members)])


def read_members(path: Path) -> dict[str, bytes]:
    """Return what is in the file of a bundle, by name, in its order.

    Raises:
        BundleError: it cannot be read, or is not in every byte as `packed` writes it.
    """
    try:
        return unpacked(read_regular(path, LARGEST))
    except OSError as error:
        raise BundleError(explain_os_error(error)) from None
    except ValueError as error:
        msg = (
            f"{path} is not a bundle as it was made: {error}. Get it again; no program may pack or "
            "change it anew."
        )
        raise BundleError(msg) from None


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the members of a bundle's file.

    Raises:
        ValueError: some byte is not as `packed` writes it; the message says where.
    """
    members: dict[str, bytes] = {}
    position = 0
    while content.startswith(_LOCAL, position):
        name, data, end = _member(content, position)
        if name in members:
            msg = f"it holds {name} twice"
            raise ValueError(msg)
        if len(members) == _MOST_MEMBERS:
            msg = f"it holds more than {_MOST_MEMBERS} files"
            raise ValueError(msg)
        members[name] = data
        position = end
    if not members:
        msg = "it does not begin with a file that is packed as it is"
        raise ValueError(msg)
    if content[position:] != _directory(members):
        msg = f"what follows its last file, from byte {position}, is not the list of these files"
        raise ValueError(msg)
    return members


def _member(content: bytes, position: int) -> tuple[str, bytes, int]:
    """Return name and content of the member that begins at a byte, and where it ends."""
    start = position + _HEADER.size
    if start > len(content):
        msg = "it is cut"
        raise ValueError(msg)
    *_, method, _, _, _, _, size, length, _ = _HEADER.unpack_from(content, position)
    raw = content[start : start + length]
    end = start + length + size
    if not raw.isascii() or length > _LONGEST_NAME:
        msg = f"the name of the file at byte {position} is not ASCII, or too long"
        raise ValueError(msg)
    name = raw.decode("ascii")
    if method:
        msg = f"{name!r} is compressed"
        raise ValueError(msg)
    if end > len(content):
        msg = f"{name!r} is to have {size} bytes, and the file ends before"
        raise ValueError(msg)
    data = content[start + length : end]
    if content[position : start + length] != _header(name, data):
        msg = f"{name!r} is not what its header at byte {position} says"
        raise ValueError(msg)
    return name, data, end


def _fields(data: bytes) -> tuple[int, ...]:
    """Return what header and directory both say of a member: no flags, stored, no time."""
    return (_VERSION, 0, 0, 0, _FIRST_DAY, zlib.crc32(data), len(data), len(data))


def _header(name: str, data: bytes) -> bytes:
    return _HEADER.pack(_LOCAL, *_fields(data), len(name), 0) + name.encode("ascii")


def _directory(members: Mapping[str, bytes]) -> bytes:
    """Return what follows the members."""
    entries, offset = [], 0
    for name, data in members.items():
        said = (_CENTRAL, _UNIX << 8 | _VERSION, *_fields(data), len(name), 0, 0, 0, 0)
        entries.append(_ENTRY.pack(*said, _MODE << 16, offset) + name.encode("ascii"))
        offset += _HEADER.size + len(name) + len(data)
    listed, count = b"".join(entries), len(members)
    return listed + _CLOSING.pack(_END, 0, 0, count, count, len(listed), offset, 0)
