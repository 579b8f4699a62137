"""Small files that would take hours or all memory are refused at once, and others are not."""

from __future__ import annotations

import collections
import io
import pickle
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.weights.unpickling import unpickled

LONG = "would take far longer to read than any checkpoint does"


def zipped(path: Path, pickled: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    return path


def legacy(path: Path, pickled: bytes) -> Path:
    """Write torch's older format with this as its content."""
    buffer = io.BytesIO()
    torch.save({}, buffer, _use_new_zipfile_serialization=False)
    empty = pickle.dumps({}, 2)
    begin = buffer.getvalue().index(empty)
    path.write_bytes(buffer.getvalue()[:begin] + pickled + buffer.getvalue()[begin + len(empty) :])
    return path


def text(what: str) -> bytes:
    return b"X" + struct.pack("<I", len(what.encode())) + what.encode()


def nested(levels: int) -> bytes:
    """Return opcodes of a tuple that holds one twice that holds one twice ..."""
    return b")" + b"".join(b"q%ch%c\x86" % (i % 256, i % 256) for i in range(levels))


def call(name: str, arguments: bytes) -> bytes:
    module, function = name.split()
    return f"c{module}\n{function}\n".encode() + arguments + b"R"


def same_hash(count: int) -> bytes:
    """Return opcodes of numbers that all have the hash 0, each followed by None."""
    numbers = (i * (2**61 - 1) << 61 for i in range(1, count + 1))
    return b"".join(b"\x8a\x11" + number.to_bytes(17, "little") + b"N" for number in numbers)


KEY = b"\x80\x02}" + nested(40) + b"Ns."
KEY_OF_16_LEVELS = b"\x80\x02}" + nested(16) + b"Ns."
BOMBS = {
    "key": (KEY, LONG),
    "keys": (b"\x80\x02}(" + nested(40) + b"Nu.", LONG),
    "deep key": (b"\x80\x02}" + b")" + b"\x85" * 10_000 + b"Ns.", LONG),
    "keys of one hash": (b"\x80\x02}(" + same_hash(2000) + b"u.", LONG),
    "set": (b"\x80\x02" + call("__builtin__ set", b"]" + nested(40) + b"a\x85") + b".", LONG),
    "ordered": (
        b"\x80\x02" + call("collections OrderedDict", b"](" + nested(40) + b"N\x86e\x85") + b".",
        LONG,
    ),
    "size": (b"\x80\x02}" + call("torch Size", nested(40)) + b"Ns.", LONG),
    "again and again": (
        b"\x80\x02}(" + b"(" + b"N" * 5000 + b"tq\0N" + b"h\0N" * 5000 + b"u.",
        LONG,
    ),
    "bytearray": (
        b"\x80\x02" + call("__builtin__ bytearray", b"\x8a\x05\x00\x00\x00\x00\x02\x85") + b".",
        "holds a bytearray, as no weights need",
    ),
    "codec": (
        b"\x80\x02" + call("_codecs encode", text("\u0416") + text("punycode") + b"\x86") + b".",
        "encodes text as no weights need it",
    ),
    "codec in another call": (
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(c_codecs\nencode\nN"
        + text("a") + text("punycode") + b"\x86NtR.",
        "encodes text as no weights need it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("write", [zipped, legacy])
@pytest.mark.parametrize("name", BOMBS)
def test_pickles_that_never_end(
    tmp_path: Path, name: str, write: Callable[[Path, bytes], Path]
) -> None:
    pickled, said = BOMBS[name]
    began = time.process_time()
    with pytest.raises(CheckpointError, match=f"was refused: it {said}.*Fetch the published"):
        unpickled(write(tmp_path / "a.pth", pickled))
    assert time.process_time() - began < 5


def test_the_bomb_would_go_off(tmp_path: Path) -> None:
    """Of 16 levels instead of 40, which are 2^24 times as long."""
    content = torch.load(zipped(tmp_path / "a.pth", KEY_OF_16_LEVELS), weights_only=True)
    seconds = []
    for key in (next(iter(content)), next(iter(content))[0][0][0][0]):
        began = time.process_time()
        hash(key)
        seconds.append(time.process_time() - began)
    assert seconds[0] > 4 * seconds[1]


def test_compressed_entries(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.pth", KEY, zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="has compressed entries, which torch"):
        unpickled(path)


def test_entries_that_share_their_bytes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.pth", b"\x80\x02}.")
    content = path.read_bytes()
    begin, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[begin : content.index(b"PK\1\2", begin + 4)]
    tail = bytearray(content[end:])
    tail[8:10] = tail[10:12] = struct.pack("<H", 3)
    tail[12:16] = struct.pack("<I", end - begin + len(entry))
    path.write_bytes(content[:end] + entry + tail)
    with pytest.raises(CheckpointError, match="entries with the same name or bytes"):
        unpickled(path)


def test_a_second_directory(tmp_path: Path) -> None:
    """Python's zipfile takes what stands before the end, torch what the end says."""
    path = zipped(tmp_path / "a.pth", b"\x80\x02}.")
    path.write_bytes(b"PK\3\4" + path.read_bytes())
    with pytest.raises(CheckpointError, match="its directory is not at its end"):
        unpickled(path)


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_what_trainers_save_is_read(tmp_path: Path, zip_format: bool) -> None:
    weight = torch.arange(6.0)
    group = {"betas": (0.9, 0.999), "params": [0]}
    content: dict[str, Any] = {
        "state_dict": collections.OrderedDict(weight=weight, again=torch.nn.Parameter(weight)),
        "optimizer": {"state": {0: {"exp_avg": weight}}, "param_groups": [group] * 100},
        "schedule": {"milestones": collections.Counter([8, 11])},
        "meta": {
            "classes": tuple(f"class {i}" for i in range(1000)),
            "bytes": b"\xff\0",
            "array": np.arange(6.0),
            "sizes": {(512, 1024): [1, (2, (3, 4))], torch.Size([1]): {1, 2}},
        },
    }
    path = tmp_path / "a.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zip_format)
    read: Any = unpickled(path)[0]
    assert torch.equal(read["state_dict"]["weight"], weight)
    assert read["schedule"] == content["schedule"]
    assert read["meta"]["bytes"] == b"\xff\0"
    assert read["meta"]["sizes"] == content["meta"]["sizes"]
