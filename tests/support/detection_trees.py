"""What tests of detection rows need: filled checkpoints, a quick manifest, plausible truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from detection_fill import filled
from rows import build_row
from support.coco_tree import change_annotations, image_file, read_annotations

from hrnet_zoo.records.accuracy import AccuracyRecord, CheckpointUsed, DatasetUsed, Measurement
from hrnet_zoo.records.files import now
from hrnet_zoo.tasks.detection.predictor import DetectionPredictor
from hrnet_zoo.tasks.scored import ProtocolUsed
from hrnet_zoo.zoo.manifest import load_zoo
from hrnet_zoo.zoo.row import Row

FCOS = "fcos_hrnetv2p_w18_gn-head_4x4_1x_coco"


def write_filled(row: Row, path: Path) -> Path:
    """Write a checkpoint for a row's network, filled by key names, in upstream's container."""
    with torch.device("meta"):
        model = build_row(row)
    torch.save({"meta": {"CLASSES": ("person",)}, "state_dict": filled(model)}, path)
    return path


def small_scale_zoo(folder: Path, scale: tuple[int, int] = (320, 192)) -> Path:
    """Return a manifest whose detection rows are tested at ``scale``, to save time."""
    text = load_zoo().path.read_text()
    path = folder / "zoo.yaml"
    path.write_text(text.replace("scale: [1333, 800]", f"scale: [{scale[0]}, {scale[1]}]"))
    return path


def annotate_as_predicted(root: Path, predictor: DetectionPredictor, count: int) -> None:
    """Make every third of a detector's own detections an annotated object, a little displaced.

    Otherwise its AP would be 0, which wrong results have, too.
    """
    rng = np.random.default_rng(3)
    ids = predictor_category_ids(root)
    annotations: list[dict[str, Any]] = []
    for i in range(count):
        image = image_file(root, i)
        result = predictor.predict(image)
        for box, label in list(zip(result.boxes, result.labels, strict=True))[::3]:
            x1, y1, x2, y2 = (float(v) for v in box + rng.uniform(-1, 1, 4))
            width, height = max(x2 - x1, 1.0), max(y2 - y1, 1.0)
            polygon = [x1, y1, x1 + width, y1, x1 + width, y1 + height, x1, y1 + height]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": int(image.stem),
                    "category_id": ids[int(label)],
                    "iscrowd": 0,
                    "area": width * height,
                    "bbox": [x1, y1, width, height],
                    "segmentation": [polygon],
                }
            )
    change_annotations(root, lambda content: content.update(annotations=annotations))


def predictor_category_ids(root: Path) -> list[int]:
    return [int(category["id"]) for category in read_annotations(root)["categories"]]


def complete_record(row: Row, values: dict[str, float], *, sha256: str) -> AccuracyRecord:
    """Return the record of a run over all of COCO, as documented."""
    protocol = ProtocolUsed(
        name="single",
        test=row.setup.test.model_dump(mode="json"),
        normalisation=row.setup.normalisation,
        ratios=[1.0],
        flip=False,
    )
    return AccuracyRecord(
        row=row.name,
        edition=row.edition,
        status="completed",
        started_at=now(),
        checkpoint=CheckpointUsed(file_name="x.pth", sha256=sha256, size_bytes=1, url=None),
        dataset=DatasetUsed(
            name="coco", num_images=5000, num_images_found=5000, fingerprint="0" * 64
        ),
        measurements=[
            Measurement(metric=metric, value=value, protocol=protocol)
            for metric, value in values.items()
        ],
    )
