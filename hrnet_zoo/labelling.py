"""Labels many images with one network and writes label maps and pictures."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.errors import DatasetError, UsageError
from hrnet_zoo.pictures import comparison, legend_of, overlay, palette_png
from hrnet_zoo.predict.segmentation import SegmentationPredictor, SegmentationResult
from hrnet_zoo.progress import Progress
from hrnet_zoo.records import ProtocolName

_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, kw_only=True)
class FoundImage:
    """An image file, and the name its outputs get."""

    path: Path
    stem: str
    """Unique among the images of one call; folders become part of it."""


@dataclass(frozen=True, kw_only=True)
class LabelledImage:
    """What was seen in one image and where it was written, or why it was not."""

    image: Path
    size: tuple[int, int] | None = None
    """(height, width)."""
    shares: dict[str, float] = field(default_factory=dict)
    """Class name -> share of the pixels, largest first; classes that do not occur are left out."""
    labels: Path | None = None
    """Palette image of the class indices."""
    picture: Path | None = None
    """The image tinted in the colours of its classes, with a legend."""
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "image": str(self.image),
            "height": self.size[0] if self.size else None,
            "width": self.size[1] if self.size else None,
            "classes": self.shares,
            "labels": str(self.labels) if self.labels else None,
            "picture": str(self.picture) if self.picture else None,
            "error": self.error,
        }

    def as_text(self) -> str:
        """Return it in a line."""
        if self.error is not None:
            return f"{self.image}: {self.error}"
        most = ", ".join(f"{name} {share:.1%}" for name, share in list(self.shares.items())[:4])
        return f"{self.image}: {most} -> {self.picture}"


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
        FoundImage(path=path, stem=stem if names[stem] == 1 else _long_stem(path))
        for path, stem in found.items()
    ]


def label_images(
    predictor: SegmentationPredictor,
    images: Sequence[FoundImage],
    folder: Path,
    *,
    protocol: ProtocolName,
    alpha: float,
    progress: Progress,
) -> list[LabelledImage]:
    """Predict every image and write its label map and picture into ``folder``.

    An image that cannot be decoded is reported in its place; the others go on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress.begin(f"labelling with {predictor.row.name}", len(images), "images")
    labelled = []
    for image in images:
        try:
            labelled.append(_label(predictor, image, folder, protocol, alpha))
        except DatasetError as error:
            labelled.append(LabelledImage(image=image.path, error=str(error)))
        progress.update(len(labelled))
    return labelled


def _label(
    predictor: SegmentationPredictor, image: FoundImage, folder: Path, protocol: ProtocolName, alpha: float
) -> LabelledImage:
    pixels = decode_image(read_bytes(image.path), image.path)
    result = predictor.predict(pixels, protocol=protocol)
    labels, picture = folder / f"{image.stem}_labels.png", folder / f"{image.stem}_overlay.png"
    _save(palette_png(result.labels, result.palette), labels)
    legend = legend_of(result.class_names, result.palette, result.labels)
    tinted = overlay(pixels, result.labels, result.palette, alpha)
    _save(comparison([(image.path.name, tinted)], legend), picture)
    return LabelledImage(
        image=image.path,
        size=(pixels.shape[0], pixels.shape[1]),
        shares=_shares(result),
        labels=labels,
        picture=picture,
    )


def _shares(result: SegmentationResult) -> dict[str, float]:
    pixels = np.bincount(result.labels.ravel(), minlength=len(result.class_names))
    shares = {
        name: int(count) / result.labels.size
        for name, count in zip(result.class_names, pixels, strict=True)
        if count
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _save(image: Image.Image, path: Path) -> None:
    """Write a PNG that is complete as soon as it has its name."""
    temporary = path.with_name(f".{path.name}.part")
    image.save(temporary, "PNG")
    temporary.replace(path)


def _expand(text: str) -> list[tuple[Path, str]]:
    path = Path(text)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        pairs = [(p, "_".join(p.relative_to(path).with_suffix("").parts)) for p in files]
    elif path.is_file():
        pairs = [(path, path.stem)]
    else:
        # Path.glob takes no absolute patterns.
        matches = sorted(Path(m) for m in glob.glob(text, recursive=True))  # noqa: PTH207
        pairs = [(p, p.stem) for p in matches if p.suffix.lower() in _SUFFIXES and p.is_file()]
    if not pairs:
        known = ", ".join(_SUFFIXES)
        msg = f'"{text}" is no file and holds or matches no image ({known}). Check the path.'
        raise UsageError(msg)
    return pairs


def _long_stem(path: Path) -> str:
    return "_".join(part for part in path.with_suffix("").parts if part not in ("/", "..", "."))
