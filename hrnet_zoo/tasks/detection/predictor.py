"""The Python interface to a trained detector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.datasets.detections import ImageDetections
from hrnet_zoo.datasets.rle import decode_masks
from hrnet_zoo.datasets.transforms import resize_keep_ratio
from hrnet_zoo.system.image_files import FoundImage, save_png
from hrnet_zoo.system.numerics import canonical_precision
from hrnet_zoo.system.whole_file import write_whole
from hrnet_zoo.tasks.detection.pictures import draw_detections
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol, detect, to_image_detections
from hrnet_zoo.tasks.input_image import pixels_of
from hrnet_zoo.tasks.options import LookOptions
from hrnet_zoo.tasks.pictures import comparison
from hrnet_zoo.tasks.predictor import Predictor, SeenImage

_SHOWN_CLASSES = 6
_SHOWN_SCORE = 0.3


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectionResult(ImageDetections):
    """What a detector sees in one image, highest score first."""

    class_names: tuple[str, ...]
    """K names."""
    palette: tuple[tuple[int, int, int], ...]
    """K RGB triples, 0 to 255."""

    def decoded_masks(self) -> NDArray[np.bool_]:
        """Return the masks as [M, H, W].

        Raises:
            ValueError: the detector has no masks.
        """
        if self.masks is None:
            msg = "this detector finds boxes, not masks"
            raise ValueError(msg)
        return decode_masks(self.masks)


class DetectionPredictor(Predictor):
    """A row's detector."""

    writes = ("detections", "picture")
    doing = "detecting"

    def predict(
        self, image: str | Path | NDArray[np.uint8], *, scale: tuple[int, int] | None = None
    ) -> DetectionResult:
        """Detect objects in an image.

        Args:
            image: a file, or RGB [H, W, 3] uint8.
            scale: box (width, height) of the keep-ratio resize; None: the documented one.

        Raises:
            CheckpointError: the network's outputs are not numbers.
            DatasetError: the file cannot be decoded.
            PrerequisiteError: the device's memory does not suffice.
            UsageError: the array has another shape or type.
        """
        pixels = pixels_of(image)
        protocol = DetectionProtocol.of(self.setup, with_masks=True, scale=scale)
        size = (pixels.shape[0], pixels.shape[1])
        resized = resize_keep_ratio(pixels, protocol.scale)
        with canonical_precision(), self.explained(size):
            found = detect(self._network, resized, protocol, size=size, device=self._device)
            detections = to_image_detections(found, size)
        return DetectionResult(
            **vars(detections),
            class_names=self._classes.names,
            palette=self._classes.palette,
        )

    def see(self, image: FoundImage, pixels: NDArray[np.uint8], options: LookOptions) -> SeenImage:
        """Detect objects in an image; write them as JSON, and the image with them drawn into it."""
        result = self.predict(pixels)
        found = result.above(options.score_threshold)
        names, size = result.class_names, (pixels.shape[0], pixels.shape[1])
        listed = options.folder / f"{image.stem}_detections.json"
        write_whole(listed, _as_json(found, size, names))
        picture = options.folder / f"{image.stem}_overlay.png"
        drawn = draw_detections(pixels, found, names, result.palette, alpha=options.alpha)
        save_png(drawn, picture)
        counts = dict(Counter(names[label] for label in found.labels).most_common())
        most = [f"{count} {name}" for name, count in counts.items()]
        shown = ", ".join(most[:_SHOWN_CLASSES]) + (" ..." if len(most) > _SHOWN_CLASSES else "")
        return SeenImage(
            image=image.path,
            size=size,
            classes=counts,
            files={"detections": listed, "picture": picture},
            summary=shown or "nothing found",
        )

    def beside_truth(self, samples: CocoSamples, index: int, zoom: int) -> Image.Image:
        """Return an image, its annotated boxes and the detections side by side, enlarged."""
        image = samples.load(index).image
        result = self.predict(image)
        # Enlarged before drawing, so that lines and letters stay fine.
        large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
        truth = samples.truth_of(index, with_masks=False).enlarged(zoom)
        found = result.enlarged(zoom).above(_SHOWN_SCORE)
        names, palette = result.class_names, result.palette
        panels = [
            ("input", Image.fromarray(large)),
            ("annotated boxes", draw_detections(large, truth, names, palette, with_scores=False)),
            (f"detections above {_SHOWN_SCORE}", draw_detections(large, found, names, palette)),
        ]
        return comparison(panels, [])


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
