"""Records and images files that are changed and fit each other afterwards, as a forger's would."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrnet_zoo.demo import MANIFEST
from hrnet_zoo.records.images_file import TIES
from hrnet_zoo.tasks import METRICS, TASKS
from hrnet_zoo.tasks.segmentation.confusion import SparseCounts
from hrnet_zoo.zoo.manifest import load_zoo


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


def recount(
    path: Path, num_images: int, change: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> None:
    """Change the counts of the first images of a demo segmentor's record, and all that follows."""
    record = json.loads(path.read_text())
    made: list[SparseCounts] = []

    def changed(piece: dict[str, Any]) -> None:
        if "results" in piece:
            image = SparseCounts.from_text(piece["results"]["single"])
            if len(made) < num_images:
                image = SparseCounts.of(change(image.dense()))
                piece["results"]["single"] = image.to_text()
            made.append(image)

    change_lines(path.parent / record["images_file"], changed)
    setup, (measured,) = load_zoo(MANIFEST).row(record["row"]).setup, record["measurements"]
    scored = TASKS["segmentation"].scored(setup, METRICS["miou"], made)
    measured |= scored.model_dump(mode="json", include={"value", "interval", "figures", "classes"})
    seal_anew(path, record)
