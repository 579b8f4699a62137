"""Official downloads, as somebody else packed them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from hostile.binary import picture, zip_archive
from hostile.case import Area
from PIL import Image


def tree(folder: Path) -> None:
    """Write a few pairs of LoveDA and of iSAID as zip files."""
    rng = np.random.default_rng(5)
    image = _png(rng.integers(0, 256, (32, 40, 3), np.uint8))
    loveda = {
        f"Val/{place}/{kind}_png/{number}.png": content
        for place, number in (("Rural", 2522), ("Urban", 3514))
        for kind, content in (("images", image), ("masks", _png(np.zeros((32, 40), np.uint8))))
    }
    masks = {"images/P0003_instance_color_RGB.png": _png(np.zeros((32, 40, 3), np.uint8))}
    _pack(folder / "given" / "loveda" / "Val.zip", loveda)
    isaid = folder / "given" / "isaid" / "val"
    _pack(isaid / "images" / "part1.zip", {"images/P0003.png": image})
    _pack(isaid / "Semantic_masks" / "images.zip", masks)


def _png(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _pack(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


AREA = Area(
    name="archives",
    tree=tree,
    mutations={"given/*.zip": zip_archive({"*.png": picture})},
    commands=[
        ("data", "prepare", name, "--source", f"../given/{name}", "--data-root", "data")
        for name in ("loveda", "isaid")
    ],
    examples=50,
)
