"""Detects objects in many images with one network and writes lists and pictures of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.images import decode_image, read_bytes
from hrnet_zoo.system.image_files import FoundImage, look_at_each, save_png, save_text
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor


@dataclass(frozen=True, kw_only=True)
class DetectedImage:
    """What was found in one image and where it was written, or why it was not."""

    image: Path
    size: tuple[int, int] | None = None
    """(height, width)."""
    counts: dict[str, int] = field(default_factory=dict)
    """Class name -> number of objects, largest first; classes without any are left out."""
    detections: Path | None = None
    """JSON file with every object's class, score, box and mask."""
    picture: Path | None = None
    """The image with the objects drawn into it."""
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "image": str(self.image),
            "height": self.size[0] if self.size else None,
            "width": self.size[1] if self.size else None,
            "classes": self.counts,
            "detections": str(self.detections) if self.detections else None,
            "picture": str(self.picture) if self.picture else None,
            "error": self.error,
        }

    def as_text(self) -> str:
        """Return it in a line."""
        if self.error is not None:
            return f"{self.image}: {self.error}"
        most = [f"{count} {name}" for name, count in self.counts.items()]
        shown = ", ".join(most[:6]) + (" ..." if len(most) > 6 else "")
        return f"{self.image}: {shown or 'nothing found'} -> {self.picture}"


def detect_images(
    predictor: DetectionPredictor,
    images: Sequence[FoundImage],
    folder: Path,
    *,
    score_threshold: float,
    alpha: float,
    progress: Progress,
) -> list[DetectedImage]:
    """Detect objects in every image and write their list and a picture into ``folder``.

    An image that cannot be decoded is reported in its place; the others go on.

    Args:
        predictor: a row's detector.
        images: what `find_images` returned.
        folder: made if need be.
        score_threshold: objects at or below it are left out of both files.
        alpha: share of the class colours in masks, 0 to 1.
        progress: told about each image.
    """
    folder.mkdir(parents=True, exist_ok=True)
    progress.begin(f"detecting with {predictor.row.name}", len(images), "images")
    return look_at_each(
        images,
        lambda image: _detect(predictor, image, folder, score_threshold, alpha),
        lambda image, reason: DetectedImage(image=image.path, error=reason),
        progress,
    )


def _detect(
    predictor: DetectionPredictor,
    image: FoundImage,
    folder: Path,
    score_threshold: float,
    alpha: float,
) -> DetectedImage:
    pixels = decode_image(read_bytes(image.path), image.path)
    result = predictor.predict(pixels)
    found = result.detections().above(score_threshold)
    size = (pixels.shape[0], pixels.shape[1])
    listed = folder / f"{image.stem}_detections.json"
    save_text(_as_json(found, size, result.class_names), listed)
    picture = folder / f"{image.stem}_overlay.png"
    drawn = draw_detections(pixels, found, result.class_names, result.palette, alpha=alpha)
    save_png(drawn, picture)
    counts = Counter(result.class_names[label] for label in found.labels)
    return DetectedImage(
        image=image.path,
        size=size,
        counts=dict(counts.most_common()),
        detections=listed,
        picture=picture,
    )


def _as_json(found: ImageDetections, size: tuple[int, int], class_names: Sequence[str]) -> str:
    """Return an image's size and objects; boxes to a thousandth of a pixel, scores to 1e-6."""
    objects = [
        {
            "label": int(label),
            "name": class_names[label],
            "score": round(float(found.scores[i]), 6),
            "box": [round(float(value), 3) for value in found.boxes[i]],
            "mask": found.masks[i] if found.masks is not None else None,
        }
        for i, label in enumerate(found.labels)
    ]
    content = {"height": size[0], "width": size[1], "detections": objects}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
