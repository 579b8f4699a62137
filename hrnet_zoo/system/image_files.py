"""The image files a user names, and the files written for them."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from hrnet_zoo.errors import UsageError
from hrnet_zoo.system.whole_file import write_whole

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, kw_only=True)
class FoundImage:
    """An image file, and the name its outputs get."""

    path: Path
    stem: str
    """Unique among the images of one call; folders become part of it."""


def find_images(given: Sequence[str]) -> list[FoundImage]:
    """Return the images that files, folders and patterns stand for, in the order given.

    Raises:
        UsageError: a file does not exist, or a folder or pattern holds no image.
    """
    found: dict[Path, str] = {}
    for text in given:
        for path, stem in _expand(text):
            found.setdefault(path, stem)
    # Two folders may hold files of one name; then the folder is part of what tells them apart.
    names = Counter(found.values())
    return [
        FoundImage(path=path, stem=stem if names[stem] == 1 else _joined(path))
        for path, stem in found.items()
    ]


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG that is complete as soon as it has its name."""
    content = BytesIO()
    image.save(content, "PNG")
    write_whole(path, content.getvalue())


def _expand(text: str) -> list[tuple[Path, str]]:
    path = Path(text)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        pairs = [(p, _joined(p.relative_to(path))) for p in files]
    elif path.is_file():
        pairs = [(path, path.stem)]
    else:
        # Path.glob takes no absolute patterns.
        matches = sorted(Path(m) for m in glob.glob(text, recursive=True))  # noqa: PTH207
        pairs = [(p, p.stem) for p in matches if p.suffix.lower() in _SUFFIXES and p.is_file()]
    if not pairs:
        known = ", ".join(_SUFFIXES)
        msg = f'"{text}" is not a file and holds or matches no image ({known}). Check the path.'
        raise UsageError(msg)
    return pairs


def _joined(path: Path) -> str:
    return "_".join(part for part in path.with_suffix("").parts if part not in ("/", "..", "."))
