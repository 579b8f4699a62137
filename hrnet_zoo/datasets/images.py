"""Decodes image and label files to arrays, and refuses files that are damaged.

The decoders are imported when used: the table of data sets reaches this module, and commands that
read no image import it.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hrnet_zoo.datasets.image_header import IMAGE_FORMATS, LABEL_FORMATS, damaged, opened
from hrnet_zoo.errors import DatasetError, LabelFormatError
from hrnet_zoo.system.opening import read_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_SIGNATURE = b"\xff\xd8"
_JPEG_START_OF_SCAN = b"\xff\xda"
_JPEG_END = b"\xff\xd9"
_ORIENTATION = 0x0112
"""Tag of EXIF."""

LARGEST_IMAGE = 2**29
"""Bytes of an image or label file; Potsdam's have 108 million."""
LARGEST_LIST = 2**28
"""Bytes of a list of images."""
LARGEST_JSON = 2**31
"""Bytes of annotations or results; COCO's largest have 470 million."""

_MOST_FOLDERS = 20_000
"""Below one of images; links in circles make any number."""


def read_bytes(path: Path, at_most: int = LARGEST_IMAGE) -> bytes:
    """Return a file's content.

    Raises:
        DatasetError: it cannot be read, is a pipe or device, or has more bytes than files need.
    """
    try:
        return read_regular(path, at_most)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise DatasetError(msg) from None


def files_below(folder: Path, is_wanted: Callable[[str], bool]) -> list[str]:
    """Return the paths below a folder, sorted, of the files whose names are wanted, if it is there.

    Raises:
        DatasetError: a folder cannot be listed, or there are more folders than any data set has.
    """

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            msg = f"{error.filename} cannot be listed: {error.strerror}."
            raise DatasetError(msg)

    found = []
    # os.walk, because it follows linked folders and can be made to complain about closed ones.
    walk = os.walk(folder, followlinks=True, onerror=fail)
    for number, (parent, _, names) in enumerate(walk, 1):
        if number > _MOST_FOLDERS:
            msg = f"{folder} has over {_MOST_FOLDERS} folders in it. Are some links to each other?"
            raise DatasetError(msg)
        found += [
            Path(parent, name).relative_to(folder).as_posix()
            for name in names
            if is_wanted(name) and not name.startswith(".")
        ]
    return sorted(found)


def decode_image(content: bytes, path: Path) -> NDArray[np.uint8]:
    """Return an image as RGB [H, W, 3] uint8.

    EXIF orientation is honoured, grey becomes three equal channels, alpha is dropped.

    Args:
        content: the file's bytes, in one of `IMAGE_FORMATS`.
        path: named in messages only.

    Raises:
        DatasetError: the file is damaged or not an image.

    Source:
        mmcv 1.4.0, mmcv/image/io.py, imfrombytes with the cv2 backend (IMREAD_COLOR).
    """
    import cv2  # noqa: PLC0415

    return _decoded(content, path, cv2.IMREAD_COLOR)


def is_turned(path: Path) -> bool:
    """Whether an image's EXIF header has it turned or mirrored; False where there is no image."""
    try:
        image = opened(read_bytes(path), path, IMAGE_FORMATS)
        return bool(image.getexif().get(_ORIENTATION, 1) != 1)
    except Exception:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
        return False


def decode_unturned(path: Path) -> NDArray[np.uint8]:
    """Return an image as `decode_image` does, but as it is stored, whatever its EXIF header says.

    Raises:
        DatasetError: the file is damaged or not an image.
    """
    import cv2  # noqa: PLC0415

    return _decoded(read_bytes(path), path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def _decoded(content: bytes, path: Path, how: int) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    _check_complete(content, path)
    image = opened(content, path, IMAGE_FORMATS)
    if image.format == "TIFF":
        _check_tiff(image, path)
    try:
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    except cv2.error as error:
        raise damaged(path, str(error.err)) from None
    if bgr is None:
        raise damaged(path, "not an image, or damaged")
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

    _check_complete(content, path)
    image = opened(content, path, LABEL_FORMATS)
    try:
        values = np.asarray(image)
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
        raise damaged(path, str(error)) from None
    if values.ndim != 2 or values.dtype != np.uint8:
        msg = (
            f"{path} holds {image.mode} pixels; a label image has one 8-bit index per pixel "
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
        raise damaged(path, "the JPEG data end early")


def _check_tiff(image: Image.Image, path: Path) -> None:
    """Have Pillow decode a TIFF: OpenCV leaves black what was compressed and is damaged."""
    try:
        image.load()
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow fail in any way
        raise damaged(path, str(error)) from None


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
            raise damaged(path, "a PNG checksum is wrong")
        if content[position + 4 : position + 8] == b"IEND":
            return
        position = end
    raise damaged(path, "the PNG data end early")
