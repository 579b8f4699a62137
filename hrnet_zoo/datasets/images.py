"""Decodes image and label files to arrays, and refuses files that are damaged.

The decoders are imported when used: the table of data sets reaches this module, and commands that
read no image import it.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.errors import DatasetError, LabelFormatError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8"
_JPEG_START_OF_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
_ORIENTATION = 0x0112
"""Tag of EXIF."""


def read_bytes(path: Path) -> bytes:
    """Return a file's content, or raise DatasetError naming it."""
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise DatasetError(msg) from None


def files_below(folder: Path, is_wanted: Callable[[str], bool]) -> list[str]:
    """Return the paths below a folder, sorted, of the files whose names are wanted, if it is there.

    Raises:
        DatasetError: a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            msg = f"{error.filename} cannot be listed: {error.strerror}."
            raise DatasetError(msg)

    # os.walk, because it follows linked folders and can be made to complain about closed ones.
    return sorted(
        Path(parent, name).relative_to(folder).as_posix()
        for parent, _, names in os.walk(folder, followlinks=True, onerror=fail)
        for name in names
        if is_wanted(name) and not name.startswith(".")
    )


def decode_image(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Return an image as RGB [H, W, 3] uint8.

    EXIF orientation is honoured, grey becomes three equal channels, alpha is dropped.

    Args:
        content: the file's bytes (PNG, JPEG or anything else OpenCV reads).
        path: named in messages only.

    Raises:
        DatasetError: the file is damaged or not an image.

    Source:
        mmcv 1.4.0, mmcv/image/io.py, imfrombytes with the cv2 backend (IMREAD_COLOR).
    """
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    _check_complete(content, path)
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content else None
    except cv2.error as error:
        raise _damaged(path, str(error.err)) from None
    if bgr is None:
        raise _damaged(path, "not an image, or damaged")
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)


def is_turned(path: Path) -> bool:
    """Whether an image's EXIF header has it turned or mirrored; False where there is no image."""
    from PIL import Image  # noqa: PLC0415

    try:
        with Image.open(path) as image:
            return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except (OSError, SyntaxError, ValueError):
        return False


def decode_unturned(path: Path) -> NDArray[np.uint8]:
    """Return an image as `decode_image` does, but as it is stored, whatever its EXIF header says.

    Raises:
        DatasetError: the file is damaged or not an image.
    """
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    content = np.frombuffer(read_bytes(path), np.uint8)
    bgr = cv2.imdecode(content, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise _damaged(path, "not an image, or damaged")
    return np.ascontiguousarray(bgr[:, :, ::-1]).astype(np.uint8, copy=False)


def decode_label(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Return a label image's stored values [H, W] uint8; palette images give their indices.

    Raises:
        LabelFormatError: the file has colours or 16-bit values where indices are expected.
        DatasetError: the file is damaged.

    Source:
        mmsegmentation 0.20.2, mmseg/datasets/pipelines/loading.py, LoadAnnotations (pillow).
    """
    import numpy as np  # noqa: PLC0415
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415

    damage = (Image.DecompressionBombError, SyntaxError, OSError, ValueError)
    _check_complete(content, path)
    try:
        with Image.open(io.BytesIO(content)) as image:
            mode = image.mode
            values = np.asarray(image)
    except UnidentifiedImageError:
        raise _damaged(path, "not an image, or damaged") from None
    except damage as error:
        raise _damaged(path, str(error)) from None
    if values.ndim != 2 or values.dtype != np.uint8:
        msg = (
            f"{path} holds {mode} pixels; a label image has one 8-bit index per pixel "
            "(greyscale or palette). Convert the colours to class indices first."
        )
        raise LabelFormatError(msg)
    return np.array(values)


def _check_complete(content: bytes, path: Path) -> None:
    """Refuse a file that was cut short, before it is decoded.

    OpenCV and Pillow both accept such files and fill in grey; a verifier must not. What cannot be
    seen is a changed byte in the middle of a JPEG, which has no checksums; data sets are told apart
    by their fingerprints.
    """
    if content.startswith(_PNG_SIGNATURE):
        _check_png(content, path)
    # In a JPEG, thumbnails end too; what counts is an end after the last start of a scan.
    is_jpeg = content.startswith(_JPEG_SIGNATURE)
    if is_jpeg and content.rfind(_JPEG_END) < content.rfind(_JPEG_START_OF_SCAN):
        raise _damaged(path, "the JPEG data end early")


def _check_png(content: bytes, path: Path) -> None:
    """Walk over the chunks; each carries its length and a checksum."""
    position = len(_PNG_SIGNATURE)
    view = memoryview(content)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        end = position + 12 + length
        if end > len(content):
            break
        (promised,) = struct.unpack_from(">I", content, end - 4)
        if zlib.crc32(view[position + 4 : end - 4]) != promised:
            raise _damaged(path, "a PNG checksum is wrong")
        if content[position + 4 : position + 8] == b"IEND":
            return
        position = end
    raise _damaged(path, "the PNG data end early")


def _damaged(path: Path, reason: str) -> DatasetError:
    return DatasetError(
        f"{path} cannot be decoded ({reason}). Copy it again from the original download."
    )
