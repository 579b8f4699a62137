"""What a run saw, in the words of the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import torch

from hrnet_zoo.datasets import DATASETS, of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.digests import fingerprint
from hrnet_zoo.records.accuracy import (
    BootstrapInterval,
    CategoryAp,
    CheckpointUsed,
    ClassScore,
    CocoScoring,
    CocoSummary,
    DatasetUsed,
    Measurement,
    ProtocolUsed,
    Settings,
    Timings,
)
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.detection.coco_ap import FIGURES
from hrnet_zoo.tasks.detection.coco_backends import ScoredRun
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.segmentation.evaluation import ImageResult
from hrnet_zoo.tasks.segmentation.per_image import miou_interval, total
from hrnet_zoo.tasks.segmentation.protocol import SegmentationProtocol
from hrnet_zoo.tasks.setup import DetectionSetup, DetectionTest, SegmentationSetup
from hrnet_zoo.verdicts.accuracy import PROTOCOL_OF
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.row import Metric, Row


def settings_in_force(device: torch.device, num_workers: int | None) -> Settings:
    """Return what torch is really set to, and what this program always does."""
    return Settings(
        device=str(device),
        dtype="float32",
        tf32=torch.backends.cudnn.allow_tf32 or torch.get_float32_matmul_precision() != "highest",
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        cudnn_deterministic=torch.backends.cudnn.deterministic,
        memory_format="channels_last",
        batch_norm_folded=True,
        num_threads=torch.get_num_threads(),
        num_workers=num_workers,
    )


def checkpoint_used(
    file: FetchedFile, url: str | None, extra_keys: Sequence[str] = ()
) -> CheckpointUsed:
    """Return the file that was evaluated; ``url`` is None for a file of the user's own."""
    return CheckpointUsed(
        file_name=file.path.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        url=url,
        extra_keys=list(extra_keys),
    )


def dataset_used(row: Row, num_images_found: int, digests: Mapping[str, str]) -> DatasetUsed:
    """Return the files that were evaluated.

    Args:
        row: whose data set it was.
        num_images_found: on disk.
        digests: of every image that was evaluated, by its name.
    """
    return DatasetUsed(
        name=row.setup.dataset,
        num_images=len(digests),
        num_images_found=num_images_found,
        fingerprint=fingerprint(digests),
    )


def measurement_of(
    row: Row,
    metric: Metric,
    protocol: SegmentationProtocol,
    results: Mapping[str, ImageResult],
) -> Measurement:
    """Return one number of the table, from the results of all images."""
    # In the order of the names, so that an interrupted run draws the same bootstrap samples.
    images = [results[name].counts[metric] for name in sorted(results)]
    scores = total(images, row.setup.num_classes).scores()
    interval = miou_interval(images)
    names = DATASETS[row.setup.dataset].classes.names
    return Measurement(
        metric=metric,
        value=scores.miou,
        macc=scores.macc,
        aacc=scores.aacc,
        classes=[
            ClassScore(name=name, iou=iou, accuracy=accuracy)
            for name, iou, accuracy in zip(names, scores.iou, scores.accuracy, strict=True)
        ],
        interval=None if interval is None else BootstrapInterval(**asdict(interval)),
        protocol=protocol_used(row, metric, protocol),
    )


def protocol_used(row: Row, metric: Metric, protocol: SegmentationProtocol) -> ProtocolUsed:
    """Return how each image was shown to the network."""
    assert isinstance(row.setup, SegmentationSetup)
    return ProtocolUsed(
        name=PROTOCOL_OF[metric],
        test=row.setup.test,
        normalisation=protocol.normalisation,
        ratios=list(protocol.ratios),
        flip=protocol.flip,
    )


def detection_measurement(
    row: Row, metric: Metric, protocol: DetectionProtocol, scored: ScoredRun
) -> Measurement:
    """Return one AP of the table, with all that COCO says beside it."""
    figures, parity = scored.figures, scored.parity
    dataset = of_kind(CocoInstances)[row.setup.dataset]
    return Measurement(
        metric=metric,
        value=figures.ap,
        protocol=detection_protocol_used(row, protocol),
        coco=CocoSummary(
            figures={name: getattr(figures, name) for name in FIGURES},
            categories=[
                CategoryAp(name=name, ap=figures.per_category[category_id])
                for name, category_id in zip(
                    dataset.classes.names, dataset.category_ids, strict=True
                )
            ],
            scoring=CocoScoring(
                backend=scored.backend,
                version=scored.version,
                asked=scored.asked,
                parity_num_images=parity.num_images if parity else None,
                parity_largest_difference=parity.largest_difference if parity else None,
                remarks=list(scored.remarks),
            ),
        ),
    )


def detection_protocol_used(row: Row, protocol: DetectionProtocol) -> ProtocolUsed:
    """Return how each image was shown to the detector."""
    assert isinstance(row.setup, DetectionSetup)
    return ProtocolUsed(
        name="single",
        test=DetectionTest(
            scale=protocol.scale,
            size_divisor=protocol.size_divisor,
            score_threshold=protocol.score_threshold,
        ),
        normalisation=protocol.normalisation,
        ratios=[1.0],
        flip=False,
    )


def timings_of(seconds: StageSeconds) -> Timings:
    """Return the seconds of every stage, and which one there is most to gain from."""
    shares = {
        "waiting for images": seconds.waiting,
        "network": seconds.forward,
        "post-processing": seconds.post,
        "metric": seconds.metric,
    }
    return Timings(
        wall_s=seconds.wall,
        decode_s=seconds.decode,
        waiting_s=seconds.waiting,
        forward_s=seconds.forward,
        post_s=seconds.post,
        metric_s=seconds.metric,
        num_workers=seconds.num_workers,
        bottleneck=max(shares, key=shares.__getitem__) if seconds.wall else None,
    )
