"""Finds small checkpoint files that would take hours or all memory, before torch reads them.

Nothing of a file is run by torch's unpickler, but what it may say is enough: a dict with a key of
nested tuples, each twice the one before, is hashed for ever; entries of a zip may be compressed.
"""

from __future__ import annotations

import io
import pickletools
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from hrnet_zoo.system.opening import open_regular

_LEGACY_PICKLES = 5
"""In torch's older format: magic number, protocol, machine, content, and names of storages."""
_MOST_STEPS = 5_000_000
"""Opcodes of a file's pickles; HRNet-W48 with its optimizer has 300,000."""
_MOST_BYTES = 2**26
"""Of such pickles; what they refer to is beside them."""
_MOST_WORK = 10_000_000
"""Values in keys and arguments, each counted as often as it is nested, and twice for each level."""
_LONG_NUMBER = 10_000
"""What a number beyond 64 bits counts for: as keys, any of them may have the same hash."""
_REFUSED = {
    "bytearray": "a bytearray",
    "_rebuild_sparse_tensor": "a sparse tensor",
    "_rebuild_nested_tensor": "a nested tensor",
    "_rebuild_qtensor": "a quantized tensor",
    "_rebuild_wrapper_subclass": "a tensor without values",
    "_rebuild_device_tensor_from_cpu_tensor": "a tensor of another device",
    "_rebuild_device_tensor_from_numpy": "a tensor of another device",
}
"""Names that torch allows and no weights need -> what they make, in any amount a file asks for."""
_GETS = ("BINGET", "LONG_BINGET")
_PUTS = ("BINPUT", "LONG_BINPUT")
_CALLS = ("REDUCE", "NEWOBJ", "BUILD", "BINPERSID")
_FILLS = ("APPEND", "APPENDS", "SETITEM", "SETITEMS", "BUILD")
_SETS = ("SETITEM", "SETITEMS")
_TAKES = {"APPENDS": 0, "SETITEMS": 0, "TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_TAKES |= {"APPEND": 1, "SETITEM": 2, "BUILD": 1, "REDUCE": 2, "NEWOBJ": 2, "BINPERSID": 1}
"""Opcodes that combine values, of those that torch knows -> how many of them; 0: to the mark."""
_PUSHES = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_PUSHES |= {"BINUNICODE", "SHORT_BINSTRING", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET"}
_PUSHES |= {"GLOBAL", "PROTO"}
_ENCODE = "_codecs encode"
"""What bytes are made with, of text in Latin-1; other codecs may take the square of its length."""


class BombError(Exception):
    """What a file would do; the message goes on after its name."""


def refuse_bombs(path: Path) -> None:
    """Return if a file takes no more time and memory than its size lets expect.

    Raises:
        BombError: it does.
        Exception: it is damaged, in any way that a reader of zip files or pickles fails at.

    Source:
        torch 2.14, torch/serialization.py, _load and _legacy_load; _weights_only_unpickler.py.
    """
    with open_regular(path) as file:
        start = file.read(4)
        file.seek(0)
        if start == b"PK\3\4":
            _look_at_zip(file)
        elif not tarfile.is_tarfile(file):  # torch refuses them
            file.seek(0)
            walk, pickles = _Walk(), io.BytesIO(file.read(_MOST_BYTES))
            all(walk.through(pickles) for _ in range(_LEGACY_PICKLES))


def _look_at_zip(file: BinaryIO) -> None:
    size = file.seek(0, 2)
    _require_one_directory(file, size)
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        names = {entry.filename.lower() for entry in entries}  # as torch compares them
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise BombError("has compressed entries, which torch.save never writes")
        if len(names) < len(entries) or sum(entry.file_size for entry in entries) > size:
            raise BombError("has entries with the same name or bytes, as torch.save never writes")
        if any(name.endswith("/constants.pkl") for name in names):
            return  # a program, which torch refuses
        for entry in entries:
            if entry.filename.lower().endswith(".pkl"):
                with archive.open(entry) as pickled:
                    _Walk().through(io.BytesIO(pickled.read(_MOST_BYTES)))


def _require_one_directory(file: BinaryIO, size: int) -> None:
    """Require that the directory of a zip ends where its end says, so that all readers find it."""
    file.seek(max(size - 98, 0))
    tail = file.read()[-98:].rjust(98, b"\0")
    directory, offset = struct.unpack_from("<II", tail, 98 - 10)
    end = size - 22
    if tail[56:60] == b"PK\6\7":
        directory, offset = struct.unpack_from("<QQ", tail, 40)
        end = size - 98
    if tail[76:80] != b"PK\5\6" or directory + offset != end:
        raise ValueError("its directory is not at its end")


@dataclass(eq=False, slots=True)
class _Value:
    """What is known of a value on the stack of a pickle."""

    work: int = 1
    """What it takes to look at all that it holds."""
    values: Sequence[_Value] = ()
    """Of a tuple, what is in it."""


class _Walk:
    """Goes through pickles without making anything of them, and counts."""

    def __init__(self) -> None:
        self._steps = self._work = 0
        self._stack: list[_Value] = []
        self._plain, self._latin, self._encode = _Value(), _Value(), _Value()

    def through(self, pickled: IO[bytes]) -> bool:
        """Go through one pickle; return whether to its end, or to an opcode that torch refuses."""
        stack = self._stack
        marks: list[int] = []
        memo: dict[object, _Value] = {}
        for op, arg, _ in pickletools.genops(pickled):
            name = op.name
            if name in _GETS:
                stack.append(memo[arg])
            elif name in _PUTS:
                memo[arg] = stack[-1]
            elif name in _TAKES:
                begin = len(stack) - _TAKES[name] if _TAKES[name] else marks.pop()
                taken = stack[begin:]
                del stack[begin:]
                self._combine(name, taken)
            elif name == "MARK":
                marks.append(len(stack))
            elif name not in _PUSHES:
                return name == "STOP"
            elif name != "PROTO":
                stack.append(self._new(name, arg))
            self._steps += 1
            if self._steps > _MOST_STEPS or self._work > _MOST_WORK:
                raise BombError("would take far longer to read than any checkpoint does")
        return False

    def _new(self, name: str, arg: object) -> _Value:
        """Return what an opcode makes of nothing."""
        if name.startswith("EMPTY"):
            return _Value()
        if name == "GLOBAL":
            if made := _REFUSED.get(str(arg).split(" ")[-1]):
                raise BombError(f"holds {made}, as no weights need")
            return self._encode if arg == _ENCODE else self._plain
        if name == "LONG1" and isinstance(arg, int) and arg.bit_length() > 64:
            return _Value(_LONG_NUMBER)
        return self._latin if arg == "latin1" else self._plain

    def _combine(self, name: str, taken: list[_Value]) -> None:
        """Do what an opcode does with values from the stack."""
        work = min(sum([value.work for value in taken]), _MOST_WORK + 1)
        if self._encode in taken and not self._is_of_bytes(name, taken):
            raise BombError("encodes text as no weights need it")
        if name in _CALLS:
            self._work += work
        elif name in _SETS:
            self._work += sum([key.work - 1 for key in taken[::2]])
        if name in _FILLS:
            self._stack[-1].work = min(self._stack[-1].work + work, _MOST_WORK + 1)
        elif name in _CALLS:
            self._stack.append(_Value(work))
        else:
            self._stack.append(_Value(1 + 2 * work, taken))

    def _is_of_bytes(self, name: str, taken: list[_Value]) -> bool:
        """Whether text is made bytes as pickles do it that hold some."""
        values = taken[-1].values
        return name == "REDUCE" and len(values) == 2 and values[1] is self._latin
