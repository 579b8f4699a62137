"""Records and images files that are changed and fit each other afterwards, as a forger's would."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hrnet_zoo.records.images_file import TIES


def line_of(entry: dict[str, Any]) -> bytes:
    """Return a line of an images file."""
    text = json.dumps(entry, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def change_lines(file: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what is in the lines of an images file, whose checksums are right afterwards."""
    lines = [json.loads(line.partition(b" ")[2]) for line in file.read_bytes().splitlines()]
    for entry in lines:
        change(entry)
    file.write_bytes(b"".join(map(line_of, lines)))


def seal_anew(path: Path, content: dict[str, Any]) -> None:
    """Write a record, and let its images file end with it, whose digest it gets."""
    file = path.with_name(content["images_file"])
    *lines, _ = file.read_bytes().splitlines(keepends=True)
    ended = {key: value for key, value in content.items() if key not in TIES}
    written = b"".join([*lines, line_of({"ended": ended})])
    file.write_bytes(written)
    ties = {"images_sha256": hashlib.sha256(written).hexdigest(), "images_bytes": len(written)}
    path.write_text(json.dumps(content | ties))
