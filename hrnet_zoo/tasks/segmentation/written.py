"""Labels many images with one network and writes label maps and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.records.accuracy import ProtocolName
from hrnet_zoo.system.image_files import FoundImage, look_at_each, save_png
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.pictures import comparison, legend_of, overlay, palette_png
from hrnet_zoo.tasks.segmentation.predictor import SegmentationPredictor, SegmentationResult


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
    return look_at_each(
        images,
        lambda image: _label(predictor, image, folder, protocol, alpha),
        lambda image, reason: LabelledImage(image=image.path, error=reason),
        progress,
    )


def _label(
    predictor: SegmentationPredictor,
    image: FoundImage,
    folder: Path,
    protocol: ProtocolName,
    alpha: float,
) -> LabelledImage:
    pixels = decode_image(read_bytes(image.path), image.path)
    result = predictor.predict(pixels, protocol=protocol)
    labels, picture = folder / f"{image.stem}_labels.png", folder / f"{image.stem}_overlay.png"
    save_png(palette_png(result.labels, result.palette), labels)
    legend = legend_of(result.class_names, result.palette, result.labels)
    tinted = overlay(pixels, result.labels, result.palette, alpha)
    save_png(comparison([(image.path.name, tinted)], legend), picture)
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
