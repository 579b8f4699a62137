"""Mutations of images, archives and checkpoints, whose outer form stays sound or does not."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from fnmatch import fnmatch

from hostile.case import Mutation
from hostile.mutations import NUMBERS, TEXTS, any_bytes, either, pick, strategy, times
from hypothesis import strategies as st
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FORMS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "TGA", "EPS", "PCX", "DDS", "PDF",
         "ICO", "JPEG2000", "SGI", "AVIF", "IM", "MSP", "XBM")  # fmt: skip
"""Formats of Pillow that a file may be of, whatever its name says."""
EXTRA = (b"iCCP", b"zTXt", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"eXIf", b"IEND", b"IDAT")
"""Kinds of chunks."""
MODES = ("L", "RGB", "P", "1", "I;16", "I", "F", "LA", "RGBA", "CMYK", "YCbCr", "LAB", "HSV")


@strategy
def png_chunks(draw: st.DrawFn, content: bytes) -> bytes:
    """Change chunks of a PNG file; their checksums and the compression are right afterwards."""
    chunks = _chunks(content)
    for _ in times(draw):
        at = draw(st.integers(0, len(chunks) - 1))
        kind, data = chunks[at]
        how = pick(draw, ["data", "size", "drop", "repeat", "new", "swap"])
        if how == "data":
            chunks[at] = kind, draw(any_bytes(data))
        elif how == "size":
            depth, colour = pick(draw, [1, 2, 4, 8, 16, 3]), pick(draw, [0, 2, 3, 4, 6, 9])
            width, height = (pick(draw, [0, 1, 270, 20_000, 65_535, 0x7FFFFFFF]) for _ in range(2))
            header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
            chunks[0] = b"IHDR", header
        elif how == "new":
            name = pick(
                draw, [b"iCCP", b"zTXt", b"tRNS", b"PLTE", b"acTL", b"fcTL", b"eXIf", b"IEND"]
            )
            chunks.insert(at, (name, pick(draw, [b"", b"x\0\0", b"x\0\0" + _bomb(), b"\0" * 99])))
        elif how == "swap":
            chunks[at], chunks[-1] = chunks[-1], chunks[at]
        else:
            chunks[at : at + 1] = [chunks[at]] * (2 if how == "repeat" else 0)
        if not chunks:
            return SIGNATURE
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(SIGNATURE)
    while at < len(content):
        (size,) = struct.unpack_from(">I", content, at)
        found.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + size]))
        at += 12 + size
    return found


def _bomb() -> bytes:
    """Return some kilobytes that become sixteen megabytes."""
    return zlib.compress(bytes(16 << 20), 9)


@strategy
def other_form(draw: st.DrawFn, content: bytes) -> bytes:
    """Write the same picture in another format and mode, and change some bytes of it or none."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        try:
            image.convert(pick(draw, MODES)).save(buffer, pick(draw, FORMS))
        except (OSError, ValueError, KeyError):  # not all go together
            image.convert("RGB").save(buffer, "TIFF")
    changed = draw(any_bytes(buffer.getvalue()))
    return changed if draw(st.booleans()) else buffer.getvalue()


picture = either(any_bytes, png_chunks, other_form)


def zip_archive(members: Mapping[str, Mutation]) -> Mutation:
    """Change a zip file's members, their names and what is said of them; or any bytes."""

    @strategy
    def rebuilt(draw: st.DrawFn, content: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [(info.filename, archive.read(info)) for info in archive.infolist()]
            method = archive.infolist()[0].compress_type
        sound = set(files)
        for _ in times(draw):
            at = draw(st.integers(0, len(files) - 1))
            name, data = files[at]
            how = pick(draw, ["data", "data", "data", "name", "drop", "repeat", "method", "bomb"])
            mutation = next((m for pattern, m in members.items() if fnmatch(name, pattern)), None)
            if how == "data":
                known = mutation if mutation and files[at] in sound else any_bytes
                files[at] = name, draw(known(data))
            elif how == "name":
                files[at] = _named(pick(draw, TEXTS), name), data
            elif how == "bomb":
                files[at] = name, data + bytes(32 << 20)
                method = zipfile.ZIP_DEFLATED
            elif how == "method":
                methods = [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
                method = pick(draw, methods)
            elif len(files) > 1:
                files[at : at + 1] = [files[at]] * (2 if how == "repeat" else 0)
        return _zipped(files, method)

    @strategy
    def headers(draw: st.DrawFn, content: bytes) -> bytes:
        """Change a field of a header; a zip file has most of them twice."""
        for _ in times(draw):
            marks = [b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"]
            mark = pick(draw, [m for m in marks if m in content] or [b""])
            at = content.find(mark) + 4 + 2 * draw(st.integers(0, 20))
            value = pick(draw, NUMBERS) % (1 << 32)
            content = content[:at] + struct.pack("<I", value) + content[at + 4 :]
        return content

    return either(rebuilt, rebuilt, headers, any_bytes)


def _named(text: str, name: str) -> str:
    """Return a member's name with a hostile folder before it."""
    return text[:2000].encode(errors="replace").decode().replace("\x00", "\x01") + "/" + name


def _zipped(files: list[tuple[str, bytes]], method: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in files:
            info = zipfile.ZipInfo(name)  # which says nothing of a name that is there twice
            info.compress_type = method
            archive.NameToInfo.pop(info.filename, None)
            archive.writestr(info, data)
    return buffer.getvalue()
