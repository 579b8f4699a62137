"""Measures a detection row: checkpoint, data, network, detections, and their COCO AP.

Finished images go into a journal beside the record, so that a run that was killed can go on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hrnet_zoo.datasets import of_kind
from hrnet_zoo.datasets.coco_instances import CocoInstances
from hrnet_zoo.datasets.coco_results import result_entries, write_results
from hrnet_zoo.datasets.coco_samples import CocoSamples
from hrnet_zoo.models.detection.detector import Detector
from hrnet_zoo.records.accuracy import Measurement, RecordFile, now
from hrnet_zoo.records.journal import Journal
from hrnet_zoo.runs.observed import (
    checkpoint_used,
    dataset_used,
    detection_measurement,
    detection_protocol_used,
    settings_in_force,
    timings_of,
)
from hrnet_zoo.runs.options import (
    MeasureOptions,
    checkpoint_for,
    data_folder,
    not_measurable,
    require_measurable,
)
from hrnet_zoo.runs.resume import detection_entry, detection_result, open_journal, take_over
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.system.devices import canonical_precision, resolve_device
from hrnet_zoo.system.progress import Progress
from hrnet_zoo.tasks.ahead import StageSeconds
from hrnet_zoo.tasks.detection.coco_ap import Kind
from hrnet_zoo.tasks.detection.coco_backends import require_installed, score_detections
from hrnet_zoo.tasks.detection.evaluation import EvaluatedImage, detect_in_images
from hrnet_zoo.tasks.detection.protocol import DetectionProtocol
from hrnet_zoo.tasks.detection.worst import save_worst_detections, worst_detections
from hrnet_zoo.tasks.loading import detection_protocol, folded_detector, load_detector
from hrnet_zoo.tasks.tracing import traced
from hrnet_zoo.weights.download import FetchedFile
from hrnet_zoo.zoo.row import Metric, Row

_KIND_OF: dict[Metric, Kind] = {"box_ap": "bbox", "mask_ap": "segm"}
"""What COCO calls the two kinds of AP."""


def measure_detection(
    row: Row,
    metrics: Sequence[Metric],
    options: MeasureOptions,
    file: RecordFile,
    progress: Progress,
) -> None:
    """Detect in all images, score the detections and complete the row's record.

    Raises:
        ZooError: something needed is missing or wrong.
    """
    run = _prepare(row, metrics, options, progress)
    with open_journal(
        file,
        {metric: detection_protocol_used(row, run.protocol) for metric in run.metrics},
        checkpoint=run.checkpoint,
        dataset_stamp=run.dataset.stamp(run.num_images),
        limit=options.limit,
    ) as journal:
        results = take_over(journal, file, detection_result, progress)
        url = None if options.checkpoint else row.checkpoint_url
        images_file = file.path.with_suffix(".images.jsonl")
        progress.begin("loading the model", None, "")
        loaded = load_detector(row, run.checkpoint.path, run.device)
        if loaded.extra_keys:
            progress.say(f"{run.checkpoint.path.name}: {loaded.describe_extra()}")
        file.update(
            checkpoint=checkpoint_used(run.checkpoint, url, loaded.extra_keys),
            num_images_taken_over=len(results),
            images_file=images_file.name,
        )
        with canonical_precision():
            file.update(settings=settings_in_force(run.device, run.num_workers))
            seconds = _evaluate(run, folded_detector(loaded.model), journal, results, progress)
        measurements = _score(run, results, options, seconds, progress)
        file.update(
            status="completed",
            finished_at=now(),
            dataset=dataset_used(
                row, len(run.dataset), {name: result.digest for name, result in results.items()}
            ),
            measurements=measurements,
            not_run=not_measurable(metrics),
            timings=timings_of(seconds),
        )
        journal.finish(images_file)
    if options.worst:
        _draw_worst(run, results, options.worst, file.path.with_suffix(".worst"), progress)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is settled before the first image."""

    row: Row
    metrics: list[Metric]
    protocol: DetectionProtocol
    dataset: CocoSamples
    checkpoint: FetchedFile
    device: torch.device
    num_images: int
    num_workers: int | None
    trace: Path | None


def _prepare(
    row: Row, metrics: Sequence[Metric], options: MeasureOptions, progress: Progress
) -> _Run:
    device = resolve_device(options.device)
    measurable = require_measurable(metrics)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    require_installed(options.coco_backend)
    dataset = _open_dataset(row, options.data_folders)
    return _Run(
        row=row,
        metrics=measurable,
        protocol=detection_protocol(row, with_masks="mask_ap" in measurable),
        dataset=dataset,
        checkpoint=checkpoint_for(row, options, progress),
        device=device,
        num_images=min(len(dataset), options.limit or len(dataset)),
        num_workers=options.num_workers,
        trace=options.profile,
    )


def _open_dataset(row: Row, folders: DataFolders) -> CocoSamples:
    dataset = of_kind(CocoInstances)[row.setup.dataset]
    return dataset.open(data_folder(row, dataset.title, dataset.root, folders))


def _evaluate(
    run: _Run,
    network: Detector,
    journal: Journal,
    results: dict[str, EvaluatedImage],
    progress: Progress,
) -> StageSeconds:
    """Add the result of every image that has none yet."""
    seconds = StageSeconds()
    progress.begin(f"detecting with {run.row.name} on {run.device}", run.num_images, "images")
    detected = detect_in_images(
        network,
        run.dataset,
        [i for i in range(run.num_images) if run.dataset.name_of(i) not in results],
        run.protocol,
        num_workers=run.num_workers,
        device=run.device,
        seconds=seconds,
    )
    for result in traced(detected, run.trace, progress):
        journal.append(detection_entry(result))
        results[result.name] = result
        progress.update(len(results))
    return seconds


def _score(
    run: _Run,
    results: Mapping[str, EvaluatedImage],
    options: MeasureOptions,
    seconds: StageSeconds,
    progress: Progress,
) -> list[Measurement]:
    """Return the asked-for APs of all detections, and save the detections if that was asked."""
    images = sorted(results.values(), key=lambda result: result.image_id)
    entries = [
        entry
        for image in images
        for entry in result_entries(image.image_id, image.detections, run.dataset.category_ids)
    ]
    if options.save_results is not None:
        write_results(options.save_results, entries)
        progress.say(f"{len(entries)} detections written to {options.save_results}")
    started = time.perf_counter()
    measurements = []
    for metric in run.metrics:
        progress.begin(f"scoring {len(entries)} detections", None, "")
        scored = score_detections(
            run.dataset.ground_truth,
            entries,
            _KIND_OF[metric],
            image_ids=[image.image_id for image in images],
            backend=options.coco_backend,
        )
        for remark in scored.remarks:
            progress.say(remark)
        measurements.append(detection_measurement(run.row, metric, run.protocol, scored))
    seconds.metric += time.perf_counter() - started
    return measurements


def _draw_worst(
    run: _Run,
    results: Mapping[str, EvaluatedImage],
    count: int,
    folder: Path,
    progress: Progress,
) -> None:
    progress.begin("looking for the worst images", len(results), "images")
    worst = worst_detections(results, run.dataset, _KIND_OF[run.metrics[0]], count, progress)
    progress.begin(f"drawing the worst images into {folder}", len(worst), "images")
    save_worst_detections(run.dataset, run.row, results, worst, folder, progress)
