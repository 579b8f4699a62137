"""Files that call themselves images: how large they say they are, and of which format."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hrnet_zoo.datasets.decoders import pillow_decoded
from hrnet_zoo.datasets.image_header import IMAGE_FORMATS, LABEL_FORMATS, MOST_PIXELS, opened
from hrnet_zoo.datasets.images import (
    decode_image,
    decode_label,
    decode_unturned,
    files_below,
    is_turned,
    read_bytes,
)
from hrnet_zoo.errors import DatasetError

HERE = Path("x.png")
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n(x) print showpage\n%%EOF\n"


def encoded(form: str, mode: str = "RGB", size: tuple[int, int] = (8, 6)) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, form)
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    """Return a PNG of this size that has no more than its first pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    )


@pytest.mark.parametrize("form", IMAGE_FORMATS)
def test_formats_of_images_are_decoded(form: str) -> None:
    assert decode_image(encoded(form), HERE).shape == (6, 8, 3)
    assert pillow_decoded(encoded(form), HERE).shape == (6, 8, 3)


@pytest.mark.parametrize("form", ["GIF", "EPS", "TGA", "ICO", "JPEG2000", "DDS", "AVIF", "PCX"])
@pytest.mark.parametrize("decode", [decode_image, decode_label, pillow_decoded])
def test_other_formats_are_refused_by_content(
    form: str, decode: Callable[[bytes, Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the name says, and before anything is started for them, as for an EPS."""
    content = EPS if form == "EPS" else encoded(form)
    started: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **_: started.append(given))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(DatasetError, match=r"x\.png cannot be decoded \(not an image in .*PNG"):
        decode(content, HERE)
    assert not started


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "BMP"])
def test_labels_are_png(form: str) -> None:
    with pytest.raises(DatasetError, match=r"not an image in PNG, or damaged"):
        decode_label(encoded(form, "L"), HERE)


def test_damaged_strips_of_a_tiff_are_no_black_pixels() -> None:
    buffer = io.BytesIO()
    Image.effect_noise((40, 40), 50).convert("RGB").save(buffer, "TIFF", compression="tiff_lzw")
    content = bytearray(buffer.getvalue())
    content[300:320] = bytes(20)
    with pytest.raises(DatasetError, match=r"x\.png cannot be decoded"):
        decode_image(bytes(content), HERE)


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize("decode", [decode_image, decode_label, pillow_decoded])
@pytest.mark.parametrize("side", [11_586, 20_000, 2**31 - 1])
def test_the_size_is_looked_at_before_the_pixels(
    decode: Callable[[bytes, Path], object], side: int
) -> None:
    with pytest.raises(DatasetError, match=rf"x\.png says that it has more than {MOST_PIXELS} pix"):
        decode(png(side, side), HERE)


@pytest.mark.filterwarnings("ignore:Image size")
def test_the_largest_size_is_said() -> None:
    assert opened(png(2**14, 2**13), HERE, LABEL_FORMATS).size == (2**14, 2**13)
    with pytest.raises(DatasetError, match=r"and no larger images are read.*cut it into tiles"):
        opened(png(2**14, 2**13 + 1), HERE, LABEL_FORMATS)


def test_what_is_no_image_is_not_turned(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(EPS)
    assert not is_turned(path)
    with pytest.raises(DatasetError, match="not an image in"):
        decode_unturned(path)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_are_decoded_or_refused(seed: int, tmp_path: Path) -> None:
    """No other error, whatever single bytes say."""
    rng = np.random.default_rng(seed)
    for form in IMAGE_FORMATS:
        whole = np.frombuffer(encoded(form, "L"), np.uint8)
        for _ in range(40):
            changed = whole.copy()
            changed[rng.integers(0, min(len(whole), 60), 2)] = rng.integers(0, 256, 2)
            path = tmp_path / "a"
            path.write_bytes(changed.tobytes())
            for decode in (decode_image, decode_label, pillow_decoded):
                with suppress(DatasetError):
                    decode(read_bytes(path), path)
            is_turned(path)


def test_pipes_devices_and_folders_are_no_files(tmp_path: Path) -> None:
    pipe, folder = tmp_path / "pipe.png", tmp_path / "folder.png"
    os.mkfifo(pipe)
    folder.mkdir()
    for path, reason in (
        (pipe, "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
        (folder, "is a folder"),
    ):
        with pytest.raises(DatasetError, match=f"{path} cannot be read: {reason}"):
            read_bytes(path)
    (tmp_path / "large").write_bytes(b"1234")
    with pytest.raises(DatasetError, match="has more than 3 bytes"):
        read_bytes(tmp_path / "large", 3)


def test_folders_that_link_to_each_other_are_no_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two links to where they are make 2^40 paths."""
    monkeypatch.setattr("hrnet_zoo.datasets.images._MOST_FOLDERS", 200)
    for name in ("a", "b"):
        (tmp_path / name).symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(DatasetError, match=r"over 200 folders in it\. Are some links"):
        files_below(tmp_path, bool)
