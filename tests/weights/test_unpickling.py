"""Pickles that want to run something, or to make NumPy do it: they neither run nor crash."""

from __future__ import annotations

import pickle
import random
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing._private.utils import runstring

from hrnet_zoo.errors import CheckpointError
from hrnet_zoo.weights.unpickling import Unread, unpickled

RECONSTRUCT = np.arange(1).__reduce__()[0]
SCALAR = np.float64(0).__reduce__()[0]


class Calling:
    """Pickled as a call, with a state that is set afterwards if there is one."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def saved(tmp_path: Path, content: Any, **options: Any) -> Path:
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path, **options)
    return path


def array_pickle(core: str) -> bytes:
    """Return {"meta": array} as numpy 1 and 2 write it, under protocol 2, by hand."""
    return (
        b"\x80\x02}" + text("meta")
        + f"cnumpy.{core}.multiarray\n_reconstruct\n".encode() + b"cnumpy\nndarray\nK\x00\x85"
        + code("b") + b"\x87R(K\x01K\x01\x85cnumpy\ndtype\n" + text("f8") + b"\x89\x88\x87R("
        + b"K\x03" + text("<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89" + code("A" * 8)
        + b"tbs."
    )  # fmt: skip


def scalar_pickle(core: str, dtype: bytes) -> bytes:
    """Return {"meta": number} likewise."""
    called = f"cnumpy.{core}.multiarray\nscalar\n".encode()
    return b"\x80\x02}" + text("meta") + called + dtype + code("A" * 8) + b"\x86Rs."


def text(what: str) -> bytes:
    return b"X" + struct.pack("<I", len(what)) + what.encode()


def code(what: str) -> bytes:
    """Return bytes as protocol 2 has them: encoded text."""
    return b"c_codecs\nencode\n" + text(what) + text("latin1") + b"\x86R"


F8 = b"cnumpy\ndtype\n" + text("f8") + b"\x89\x88\x87R"
POINTERS = (
    F8.replace(b"f8", b"V8") + b"(K\x03" + text("|") + b"N" + text("a") + b"\x85}" + text("a")
    + F8.replace(b"f8", b"|O") + b"K\x00\x86sK\x08K\x01K\x00tb"
)  # fmt: skip
"""A dtype of eight bytes that says an object is there, and that it holds none."""


def zipped(tmp_path: Path, pickled: bytes) -> Path:
    path = tmp_path / "checkpoint.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    return path


@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("dtype", [F8, POINTERS], ids=["number", "forged"])
def test_numbers_of_numpy_1_and_2_are_passed_over(tmp_path: Path, core: str, dtype: bytes) -> None:
    content, _ = unpickled(zipped(tmp_path, scalar_pickle(core, dtype)))
    assert isinstance(content, dict)
    assert type(content["meta"]) is Unread


@pytest.mark.parametrize("core", ["core", "_core"])
def test_arrays_of_numpy_1_and_2_are_passed_over(tmp_path: Path, core: str) -> None:
    content, _ = unpickled(zipped(tmp_path, array_pickle(core)))
    assert isinstance(content, dict)
    assert type(content["meta"]) is Unread


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
def test_arrays_of_every_kind_are_passed_over(tmp_path: Path, zip_format: bool) -> None:
    arrays = {
        "numbers": np.arange(6.0).reshape(2, 3),
        "texts": np.array(["a", "bc"]),
        "objects": np.array(["a", None, [1]], dtype=object),
        "fields": np.zeros(2, dtype=[("a", "f4"), ("b", "O")]),
        "time": np.array(["2021-11-30"], dtype="datetime64[D]"),
        "nested": np.array([np.arange(2), np.float32(1)], dtype=object),
    }
    path = saved(tmp_path, {"meta": arrays}, _use_new_zipfile_serialization=zip_format)
    content, num_unread = unpickled(path)
    assert num_unread == len(arrays) + 2  # those in the nested one
    assert isinstance(content, dict)
    assert {type(value) for value in content["meta"].values()} == {Unread}


def attacks(victim: Path) -> dict[str, Any]:
    """Return what would write a file if anything of it were run."""
    touch = Calling(Path.touch, (victim,))
    statement = f"__import__('pathlib').Path({str(victim)!r}).touch()"
    return {
        "runstring": Calling(runstring, (statement, {})),
        "eval": Calling(eval, (statement,)),
        "memmap": Calling(np.memmap, (str(victim), "uint8", "w+", 0, (1,))),
        "save": Calling(np.save, (str(victim), 1)),
        "savetxt": Calling(np.savetxt, (str(victim), [1])),
        "load": Calling(np.load, (str(victim), None, True)),
        "load library": Calling(np.ctypeslib.load_library, ("library", str(victim))),
        "another class": Calling(RECONSTRUCT, (np.memmap, (0,), b"b")),
        "object in an array": np.array([touch], dtype=object),
        "object in a scalar": Calling(SCALAR, (np.dtype("O"), touch)),
        "object as a dtype": Calling(np.dtype, (touch,)),
        "object as a state": Calling(RECONSTRUCT, (np.ndarray, (0,), b"b"), touch),
        "object as a shape": Calling(np.ndarray, (touch,)),
        "masked": np.ma.masked_array([1.0], [True]),
        "generator": np.random.default_rng(0),
    }


@pytest.mark.parametrize("name", ["runstring", "eval", "memmap", "save", "object in an array"])
def test_the_attacks_would_work(tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    pickle.loads(pickle.dumps(attacks(victim)[name]))
    assert victim.with_suffix(".npy" if name == "save" else "").exists()


@pytest.mark.parametrize("zip_format", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("name", attacks(Path()))
def test_nothing_else_of_numpy_gets_in(tmp_path: Path, name: str, zip_format: bool) -> None:
    victim = tmp_path / "victim"
    content = {"state_dict": {"a": torch.ones(1)}, "meta": attacks(victim)[name]}
    path = saved(tmp_path, content, _use_new_zipfile_serialization=zip_format)
    with pytest.raises(CheckpointError, match="Nothing in it was run"):
        unpickled(path)
    assert not list(tmp_path.glob("victim*"))


@pytest.mark.parametrize(
    "call",
    [
        (np.ndarray, ((2**62,), np.dtype("f8"))),
        (np.ndarray, ((1,), np.dtype("O"), b"A" * 8)),
        (RECONSTRUCT, (np.ndarray, (-1,), 7)),
        (RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), np.dtype("O"), False, b"A" * 8)),
        (SCALAR, (np.dtype("O"), b"A" * 8)),
        (SCALAR, ()),
        (np.dtype, ("O", False, True), (3, "|", None, None, None, 1, 1, 0)),
    ],
    ids=["huge", "pointers", "no shape", "object state", "object scalar", "nothing", "dtype"],
)
def test_lies_about_memory_are_not_believed(tmp_path: Path, call: tuple[Any, ...]) -> None:
    content, _ = unpickled(saved(tmp_path, {"meta": Calling(*call)}))
    assert isinstance(content, dict)
    assert type(content["meta"]) is Unread


def test_what_others_allow_stays_as_it_was(tmp_path: Path) -> None:
    """And is not allowed here: a library that does so must not let files in."""
    allowed: list[Any] = [np.dtype, np.ndarray, RECONSTRUCT, eval]
    with torch.serialization.safe_globals(allowed):
        before = set(torch.serialization.get_safe_globals())
        content, _ = unpickled(saved(tmp_path, {"meta": np.arange(3)}))
        assert isinstance(content, dict)
        assert type(content["meta"]) is Unread
        with pytest.raises(CheckpointError, match="would call eval"):
            unpickled(saved(tmp_path, Calling(eval, ("1",))))
        assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("seed", range(4))
def test_changed_bytes_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Fifty files each with a few bytes changed: no other error, whatever they say."""
    rng = random.Random(seed)
    content = {
        "state_dict": {"a": torch.ones(2)},
        "meta": {"b": np.arange(2.0), "c": np.float32(1)},
    }
    path = saved(tmp_path, content, _use_new_zipfile_serialization=seed % 2 == 0)
    whole = path.read_bytes()
    for _ in range(50):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(changed)
        with suppress(CheckpointError):
            unpickled(path)
