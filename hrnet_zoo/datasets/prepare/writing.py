"""Puts prepared files in place: whole or not at all, and never over a different file."""

from __future__ import annotations

import enum
import errno
import shutil
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.datasets.images import decode_image, decode_label, read_bytes
from hrnet_zoo.datasets.prepare.plan import Output
from hrnet_zoo.errors import DatasetError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Outcome(enum.Enum):
    """What became of an output."""

    WRITTEN = enum.auto()
    ALREADY_THERE = enum.auto()
    """The file exists and holds the same pixels or bytes; it was left alone."""
    DIFFERENT = enum.auto()
    """The file exists and holds something else; it was left alone."""


class Writer:
    """Writes below one folder; safe to use from several threads for different outputs.

    Args:
        root: the data set's folder.
        overwrite: replace files that hold something else.
    """

    def __init__(self, root: Path, *, overwrite: bool) -> None:
        self._root = root
        self._overwrite = overwrite

    def put(self, output: Output) -> Outcome:
        """Write an output unless it is there.

        Raises:
            DatasetError: the disk is full, or the folder cannot be written to.
        """
        target = self._root / output.path
        replacing = target.exists()
        if replacing and _holds(target, output.content):
            return Outcome.ALREADY_THERE
        if replacing and not self._overwrite:
            return Outcome.DIFFERENT
        content = output.content
        _place(target, content if isinstance(content, bytes) else _encode(content))
        return Outcome.WRITTEN


def check_space(root: Path, folders: list[str], least_bytes: int) -> None:
    """Refuse to begin what cannot end: raise DatasetError if the output will not fit.

    Args:
        root: the data set's folder; it need not exist.
        folders: output folders; what they hold needs no more room.
        least_bytes: size of the complete output, at the least.
    """
    if not least_bytes:
        return
    present = sum(file.stat().st_size for folder in folders for file in (root / folder).glob("*"))
    existing = next(path for path in (root, *root.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if least_bytes - present > free:
        msg = (
            f"The prepared files take at least {_gb(least_bytes - present)} more, and only "
            f"{_gb(free)} are free at {existing}. Make room there, or pass another --data-root."
        )
        raise DatasetError(msg)


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _holds(target: Path, content: NDArray[np.uint8] | bytes) -> bool:
    """Whether a file holds this content; how its pixels are compressed does not matter."""
    present = read_bytes(target)
    if isinstance(content, bytes):
        return present == content
    decode = decode_label if content.ndim == 2 else decode_image
    try:
        return np.array_equal(decode(present, target), content)
    except DatasetError:
        return False


def _encode(pixels: NDArray[np.uint8]) -> bytes:
    if pixels.ndim == 3:
        pixels = pixels[:, :, ::-1]
    _, buffer = cv2.imencode(".png", np.ascontiguousarray(pixels))
    return buffer.tobytes()


def _place(target: Path, content: bytes) -> None:
    # One name per target: what a killed run left behind is used up by the next one. The dot
    # hides it from those who list the folder.
    temporary = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        advice = "Make it a folder that you can write to"
        if error.errno in _DISK_FULL:
            advice = "Make room there and give the same command again; it goes on where it stopped"
        msg = f"{target} cannot be written: {error.strerror or error}. {advice}."
        raise DatasetError(msg) from error
