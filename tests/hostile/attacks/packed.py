"""Images, checkpoints and archives that broke earlier versions, made by code."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import torch
from hostile.areas import archives, checkpoints, images
from hostile.areas.manifest import ROW, ZOO
from hostile.attacks.making import Made, Sound, case
from hostile.binary import SIGNATURE

IMAGE = f"given/scenes/leftImg8bit/val/{images.STEM}_leftImg8bit.png"
LABEL = f"given/scenes/gtFine/val/{images.STEM}_gtFine_labelTrainIds.png"
MEGABYTE = 1 << 20
ORDERS = "\x1b[2J\n::error::hostile"


def pictures(sound: Sound) -> Made:
    """Images that are large, or not what their names say."""
    del sound
    check = ("data", "check", "scenes", *images.DATA)
    predict = ("predict", ROW, f"../{IMAGE}", *ZOO, "--device", "cpu")
    grey, colours = png(13_000, colour=0), png(12_500, colour=2)
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(executed) (w) file\n"
    dds = b"DDS " + struct.pack("<IIIII", 124, 0x1007, 180, 270, 0) + bytes(120)
    blp = b"BLP1" + struct.pack("<IBBBBII", 1, 1, 0, 0, 0, 270, 180) + bytes(1200)
    for name, path, content, command in (
        ("grey, as a label", LABEL, grey, check),
        ("grey, as an image", IMAGE, grey, predict),
        ("colours, as a label", LABEL, colours, check),
        ("colours, as an image", IMAGE, colours, predict),
        ("EPS", LABEL, eps, check),
        ("DDS", LABEL, dds, check),
        ("BLP", LABEL, blp, check),
    ):
        yield f"image: {name}", case(images.AREA, command, {path: content})


def containers(sound: Sound) -> Made:
    """Checkpoints that are large when unpacked, take for ever, or give orders."""
    whole = (sound(checkpoints.AREA) / "given" / "small" / "zip.pth").read_bytes()
    sizes = {name: len(data) for name, data in members_of(whole).items()}
    pickled = next(name for name in sizes if name.endswith("/data.pkl"))
    weight = max((name for name in sizes if "/data/" in name), key=lambda name: sizes[name])
    in_a_set = b"c__builtin__\nset\n]" + nested(40) + b"a\x85R"
    bytearray_ = b"c__builtin__\nbytearray\n\x8a\x05\x00\x00\x00\x00\x02\x85R"
    for name, content in {
        "a key that takes for ever": pickle_zip(b"}" + nested(40) + b"Ns"),
        "a set that takes for ever": pickle_zip(in_a_set),
        "bytes of eight gigabytes": pickle_zip(bytearray_),
        "a pickle of three gigabytes": with_bomb(whole, pickled),
        "a weight of three gigabytes": with_bomb(whole, weight),
        "a call, which held before": pickle_zip(
            b"cos\nsystem\nX\x0e\x00\x00\x00touch executed\x85R"
        ),
        "orders": saved({"state_dict": {ORDERS: torch.ones(2, 2)}}),
    }.items():
        arguments = (*checkpoints.PREDICT, "../given/small/zip.pth")
        yield (
            f"checkpoint: {name}",
            case(checkpoints.AREA, arguments, {"given/small/zip.pth": content}),
        )


def downloads(sound: Sound) -> Made:
    """Downloads one of whose members is large, damaged, nameless or of a newer kind."""
    sound_zip = (sound(archives.AREA) / "given" / "loveda" / "Val.zip").read_bytes()
    arguments = ("data", "prepare", "loveda", "--source", "../given/loveda", "--data-root", "d")
    broken = b"\x09\x04\x05\x00" + b"\xff" * 50  # no properties of LZMA
    for kind in ("images", "masks"):
        member = f"Val/Rural/{kind}_png/2522.png"
        lzma = zipped(members_of(sound_zip) | {member: broken})
        for name, content in {
            "a bomb": with_bomb(sound_zip, member),
            "broken LZMA": declared(lzma, member, method=14),
            "a newer version": declared(sound_zip, member, version=255),
            "no name": sound_zip.replace(member.encode(), bytes(len(member))),
        }.items():
            given = {"given/loveda/Val.zip": content}
            yield f"archive: {name} among {kind}", case(archives.AREA, arguments, given)


def png(side: int, *, colour: int) -> bytes:
    """Return a black image of ``side`` by ``side`` pixels, grey (0) or in colours (2)."""
    size = side * (1 + side * (1 if colour == 0 else 3))
    megabytes = -(-size // MEGABYTE)
    checksum = struct.pack(">I", megabytes * MEGABYTE % 65521 << 16 | 1)  # Adler's, of zeros
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    body = b"\x78\x9c" + zeros(megabytes) + checksum
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def zeros(megabytes: int) -> bytes:
    """Return zeros as deflate writes them, in a thousandth of their size, at once."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(MEGABYTE)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return block * megabytes + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def nested(levels: int) -> bytes:
    """Return opcodes of a tuple that holds one twice that holds one twice ..."""
    return b")" + b"".join(b"q%ch%c\x86" % (i % 256, i % 256) for i in range(levels))


def pickle_zip(opcodes: bytes) -> bytes:
    """Return torch's container of a pickle."""
    return zipped({"archive/data.pkl": b"\x80\x02" + opcodes + b".", "archive/version": b"3\n"})


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def members_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def with_bomb(content: bytes, name: str) -> bytes:
    """Let a member of a zip file become three gigabytes, of three megabytes."""
    archive = zipped(members_of(content) | {name: zeros(3 * 1024)})
    return declared(archive, name, method=8, size=3 << 30)


def declared(
    content: bytes, name: str, *, version: int = 20, method: int = 0, size: int = 0
) -> bytes:
    """Change what both headers of a member say of it; a size of 0 stays what it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        local = archive.getinfo(name).header_offset
        central = content.index(name.encode(), archive.start_dir) - 46
    changed = bytearray(content)
    for start in (local + 4, central + 6):
        struct.pack_into("<HHH", changed, start, version, 0, method)
        if size:
            struct.pack_into("<I", changed, start + 18, size)
    return bytes(changed)
