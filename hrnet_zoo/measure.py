"""Measures a segmentation row: checkpoint, data, network, images, and what they add up to.

Finished images go into a journal beside the record, so that a run that was killed can go on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.layouts import DATASETS
from hrnet_zoo.datasets.segmentation import SegmentationDataset, fingerprint, open_dataset
from hrnet_zoo.devices import canonical_precision, resolve_device
from hrnet_zoo.download import FetchedFile
from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.evaluation import ImageResult, StageSeconds, evaluate_images
from hrnet_zoo.fetch import FetchOptions, check_own_file, fetch_row
from hrnet_zoo.inference.segmentation import SegmentationProtocol
from hrnet_zoo.journal import Journal
from hrnet_zoo.loading import load_model, single_protocol
from hrnet_zoo.metrics.per_image import SparseCounts, miou_interval, total
from hrnet_zoo.progress import Progress
from hrnet_zoo.records import (
    BootstrapInterval,
    CheckpointUsed,
    ClassScore,
    DatasetUsed,
    Measurement,
    ProtocolUsed,
    RecordFile,
    Settings,
    Timings,
    now,
)
from hrnet_zoo.row import Metric, Row, SegmentationReading
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.verdicts import PROTOCOL_OF

_JOURNAL_FORMAT = 1
_MAX_WORKERS = 4


@dataclass(frozen=True, kw_only=True)
class MeasureOptions:
    """With what to measure."""

    fetch: FetchOptions
    manifest_dir: Path
    data_folders: DataFolders
    checkpoint: Path | None = None
    """A file of the user's own; None means the row's published one."""
    device: str = "auto"
    num_workers: int | None = None
    """Threads that decode images; None: as many as there are processors, at most four."""
    limit: int | None = None
    """Evaluate only the first so many images; the result is then not comparable."""


def measure_segmentation(
    row: Row,
    metrics: Sequence[Metric],
    options: MeasureOptions,
    file: RecordFile,
    progress: Progress,
) -> None:
    """Evaluate a row under all asked-for protocols and complete its record.

    Raises:
        ZooError: something needed is missing or wrong.
    """
    device = resolve_device(options.device)
    protocols = _protocols(row, metrics)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    dataset = _open_dataset(row, options.data_folders)
    checkpoint = _checkpoint(row, options, progress)
    num_images = min(len(dataset), options.limit or len(dataset))
    with Journal(
        _journal_path(file, protocols, options),
        _identity(row, protocols, checkpoint, dataset.stamp(num_images)),
    ) as journal:
        taken_over = _take_over(journal, file, progress)
        progress.begin("loading the model", None, "")
        model = load_model(row, checkpoint.path, device)
        num_workers = options.num_workers or min(_MAX_WORKERS, os.cpu_count() or 1)
        seconds, results = StageSeconds(), dict(taken_over)
        progress.begin(f"evaluating {row.name} on {device}", num_images, "images")
        with canonical_precision():
            file.update(
                checkpoint=_checkpoint_used(checkpoint, row, options),
                settings=_settings(device, num_workers),
            )
            for result in evaluate_images(
                model,
                dataset,
                [i for i in range(num_images) if dataset.name_of(i) not in taken_over],
                protocols,
                num_workers=num_workers,
                device=device,
                seconds=seconds,
            ):
                journal.append(_entry(result))
                results[result.name] = result
                progress.update(len(results))
        images_file = file.path.with_suffix(".images.jsonl")
        file.update(
            status="completed",
            finished_at=now(),
            dataset=_dataset_used(row, dataset, results),
            measurements=[_measurement(row, m, p, results) for m, p in protocols.items()],
            not_run=_not_measurable(metrics),
            timings=Timings(
                wall_s=seconds.wall,
                decode_s=seconds.decode,
                forward_s=seconds.forward,
                post_s=seconds.post,
                metric_s=seconds.metric,
            ),
            num_images_taken_over=len(taken_over),
            images_file=images_file.name,
        )
        journal.finish(images_file)


def _protocols(row: Row, metrics: Sequence[Metric]) -> dict[Metric, SegmentationProtocol]:
    single = single_protocol(row)
    protocols: dict[Metric, SegmentationProtocol] = {}
    for metric in metrics:
        if metric in PROTOCOL_OF:
            is_single = PROTOCOL_OF[metric] == "single"
            protocols[metric] = single if is_single else single.ms_flip()
    if not protocols:
        raise PrerequisiteError("; ".join(_not_measurable(metrics).values()))
    return protocols


def _not_measurable(metrics: Sequence[Metric]) -> dict[Metric, str]:
    reason = "this version does not measure {}"
    return {metric: reason.format(metric) for metric in metrics if metric not in PROTOCOL_OF}


def _open_dataset(row: Row, folders: DataFolders) -> SegmentationDataset:
    layout = DATASETS[row.reading.dataset]
    folder = folders.of(row.reading.dataset)
    if folder is None:
        msg = (
            f"{row.name} is evaluated on {layout.title}, and no data folder was given. Pass the "
            f"folder that holds {layout.root}/ with --data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return open_dataset(layout, folder, row.reading.num_classes)


def _checkpoint(row: Row, options: MeasureOptions, progress: Progress) -> FetchedFile:
    if options.checkpoint is not None:
        return check_own_file(options.checkpoint)
    return fetch_row(row, options.manifest_dir, options.fetch, progress)


def _settings(device: torch.device, num_workers: int) -> Settings:
    """Return what torch is really set to, and what this program always does."""
    return Settings(
        device=str(device),
        dtype="float32",
        tf32=torch.backends.cudnn.allow_tf32 or torch.get_float32_matmul_precision() != "highest",
        cudnn_benchmark=torch.backends.cudnn.benchmark,
        cudnn_deterministic=torch.backends.cudnn.deterministic,
        memory_format="channels_last",
        num_threads=torch.get_num_threads(),
        num_workers=num_workers,
    )


def _journal_path(
    file: RecordFile, protocols: Mapping[Metric, object], options: MeasureOptions
) -> Path:
    limited = f"-first-{options.limit}" if options.limit else ""
    return file.path.with_name(f".unfinished-{'+'.join(protocols)}{limited}.jsonl")


def _identity(
    row: Row, protocols: Mapping[Metric, SegmentationProtocol], file: FetchedFile, stamp: str
) -> dict[str, Any]:
    """Return what must be the same for finished images to be used again."""
    return {
        "format": _JOURNAL_FORMAT,
        "checkpoint": file.sha256,
        "dataset": stamp,
        "protocol": {
            metric: _protocol_used(row, metric, protocol).model_dump(mode="json")
            for metric, protocol in protocols.items()
        },
    }


def _take_over(journal: Journal, file: RecordFile, progress: Progress) -> dict[str, ImageResult]:
    """Return the results of an interrupted run, and note there that this run continues it."""
    if journal.changed:
        changed = ", ".join(journal.changed)
        progress.say(f"an unfinished run was found, but of another {changed}; starting anew")
    results = {e["name"]: _result(e) for e in journal.entries if "name" in e}
    runs = [e["record"] for e in journal.entries if "record" in e]
    if results:
        progress.say(f"going on after {len(results)} images of an interrupted run")
        file.mark_continued(runs[-1])
    journal.append({"record": file.path.name})
    return results


def _entry(result: ImageResult) -> dict[str, Any]:
    counts = {name: counts.to_text() for name, counts in result.counts.items()}
    return {"name": result.name, "digest": result.digest, "counts": counts}


def _result(entry: Mapping[str, Any]) -> ImageResult:
    counts = {name: SparseCounts.from_text(text) for name, text in entry["counts"].items()}
    return ImageResult(name=entry["name"], digest=entry["digest"], counts=counts)


def _checkpoint_used(file: FetchedFile, row: Row, options: MeasureOptions) -> CheckpointUsed:
    return CheckpointUsed(
        file_name=file.path.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        url=row.checkpoint_url if options.checkpoint is None else None,
    )


def _dataset_used(
    row: Row, dataset: SegmentationDataset, results: Mapping[str, ImageResult]
) -> DatasetUsed:
    return DatasetUsed(
        name=row.reading.dataset,
        num_images=len(results),
        num_images_found=len(dataset),
        fingerprint=fingerprint({name: result.digest for name, result in results.items()}),
    )


def _measurement(
    row: Row,
    metric: Metric,
    protocol: SegmentationProtocol,
    results: Mapping[str, ImageResult],
) -> Measurement:
    # In the order of the names, so that an interrupted run draws the same bootstrap samples.
    images = [results[name].counts[metric] for name in sorted(results)]
    scores = total(images, row.reading.num_classes).scores()
    interval = miou_interval(images)
    names = class_table(row.reading.dataset).names
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
        protocol=_protocol_used(row, metric, protocol),
    )


def _protocol_used(row: Row, metric: Metric, protocol: SegmentationProtocol) -> ProtocolUsed:
    assert isinstance(row.reading, SegmentationReading)
    return ProtocolUsed(
        name=PROTOCOL_OF[metric],
        test=row.reading.test,
        normalisation=protocol.normalisation,
        ratios=list(protocol.ratios),
        flip=protocol.flip,
    )
