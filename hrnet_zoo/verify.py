"""From a row to a record: fetch, check, build, load, evaluate, write down what was seen.

It composes the other modules and decides nothing about numbers: that is verdicts.py's work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hrnet_zoo.datasets.classes import class_table
from hrnet_zoo.datasets.layouts import DATASETS
from hrnet_zoo.datasets.segmentation import SegmentationDataset, fingerprint, open_dataset
from hrnet_zoo.devices import canonical_precision, resolve_device
from hrnet_zoo.download import FetchedFile
from hrnet_zoo.environment import describe_environment
from hrnet_zoo.errors import DatasetError, PrerequisiteError, ZooError
from hrnet_zoo.evaluation import SegmentationEvaluation, evaluate_segmentation
from hrnet_zoo.fetch import FetchOptions, check_own_file, fetch_row
from hrnet_zoo.inference.segmentation import SegmentationProtocol
from hrnet_zoo.loading import load_model, single_protocol
from hrnet_zoo.metrics.confusion import ConfusionMatrix
from hrnet_zoo.progress import Progress
from hrnet_zoo.records import (
    CheckpointUsed,
    ClassScore,
    DatasetUsed,
    Measurement,
    ProtocolUsed,
    Record,
    Settings,
    Timings,
    new_record_path,
    now,
    write_record,
)
from hrnet_zoo.row import Metric, Row, SegmentationReading
from hrnet_zoo.verdicts import PROTOCOL_OF

_MAX_WORKERS = 4


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """With what to verify, and where to put the records."""

    output: Path
    """Folder of the records."""
    fetch: FetchOptions
    manifest_dir: Path
    data_root: Path | None = None
    checkpoint: Path | None = None
    """A file of the user's own; None means the row's published one."""
    device: str = "auto"
    limit: int | None = None
    """Evaluate only the first so many images; the result is then not comparable."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run and the file its record is in."""

    record: Record
    path: Path


def verify_row(
    row: Row, metrics: Sequence[Metric], options: VerifyOptions, progress: Progress
) -> Outcome:
    """Measure the asked-for numbers of one row and write the record.

    The record says "started" before anything else happens, and is replaced when the run ends,
    however it ends. What could not be run is recorded with its reason, not raised.

    Raises:
        RecordError: the record cannot be written.
        KeyboardInterrupt: the user stopped the run; the record says so.
    """
    record = Record(
        row=row.name, status="started", started_at=now(), arguments=_arguments(metrics, options)
    )
    path = new_record_path(options.output, row.name, record.started_at)
    write_record(record, path)
    changes: dict[str, Any] = {"status": "error", "reason": "an internal error"}
    try:
        changes = _measure(row, metrics, options, progress)
    except ZooError as error:
        changes = {"status": "not_run", "reason": str(error)}
    except KeyboardInterrupt:
        changes = {"status": "interrupted", "reason": "the run was interrupted"}
        raise
    finally:
        record = record.model_copy(update={**changes, "finished_at": now()})
        write_record(record, path)
    return Outcome(record=record, path=path)


def _arguments(metrics: Sequence[Metric], options: VerifyOptions) -> dict[str, Any]:
    return {
        "metrics": list(metrics),
        "own_checkpoint": options.checkpoint is not None,
        "device": options.device,
        "limit": options.limit,
        "mirror": options.fetch.mirror,
        "offline": options.fetch.offline,
    }


def _measure(
    row: Row, metrics: Sequence[Metric], options: VerifyOptions, progress: Progress
) -> dict[str, Any]:
    """Return the fields that a completed run adds to the record."""
    device = resolve_device(options.device)
    protocols = _protocols(row, metrics)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    dataset = _open_dataset(row, options.data_root)
    checkpoint = _checkpoint(row, options, progress)
    progress.begin("loading the model", None, "")
    model = load_model(row, checkpoint.path, device)
    num_images = min(len(dataset), options.limit or len(dataset))
    num_workers = min(_MAX_WORKERS, os.cpu_count() or 1)
    progress.begin(f"evaluating {row.name} on {device}", num_images, "images")
    with canonical_precision():
        settings = _settings(device, num_workers)
        evaluation = evaluate_segmentation(
            model,
            dataset,
            protocols,
            num_images=num_images,
            num_workers=num_workers,
            device=device,
            progress=progress,
        )
    return {
        "status": "completed",
        "checkpoint": _checkpoint_used(checkpoint, row, options),
        "dataset": _dataset_used(row, dataset, evaluation),
        "settings": settings,
        "measurements": [
            _measurement(row, metric, protocols[metric], evaluation.confusion[metric])
            for metric in metrics
            if metric in protocols
        ],
        "not_run": _not_measurable(metrics),
        "timings": Timings(**{f"{k}_s": v for k, v in asdict(evaluation.seconds).items()}),
        "environment": describe_environment(),
    }


def _protocols(row: Row, metrics: Sequence[Metric]) -> dict[str, SegmentationProtocol]:
    single = single_protocol(row)
    protocols: dict[str, SegmentationProtocol] = {}
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


def _open_dataset(row: Row, data_root: Path | None) -> SegmentationDataset:
    layout = DATASETS[row.reading.dataset]
    if data_root is None:
        msg = (
            f"{row.name} is evaluated on {layout.title}, and no data folder was given. Pass the "
            f"folder that holds {layout.root}/ with --data-root, or set HRNET_ZOO_DATA."
        )
        raise DatasetError(msg)
    return open_dataset(layout, data_root, row.reading.num_classes)


def _checkpoint(row: Row, options: VerifyOptions, progress: Progress) -> FetchedFile:
    if options.checkpoint is not None:
        return check_own_file(options.checkpoint)
    return fetch_row(row, options.manifest_dir, options.fetch, progress)


def _settings(device: torch.device, num_workers: int) -> Settings:
    """Read the settings in force, rather than repeat what was asked for."""
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


def _checkpoint_used(file: FetchedFile, row: Row, options: VerifyOptions) -> CheckpointUsed:
    return CheckpointUsed(
        file_name=file.path.name,
        sha256=file.sha256,
        size_bytes=file.size_bytes,
        url=row.checkpoint_url if options.checkpoint is None else None,
    )


def _dataset_used(
    row: Row, dataset: SegmentationDataset, evaluation: SegmentationEvaluation
) -> DatasetUsed:
    return DatasetUsed(
        name=row.reading.dataset,
        num_images=len(evaluation.digests),
        num_images_found=len(dataset),
        num_images_complete=dataset.layout.num_images,
        fingerprint=fingerprint(evaluation.digests),
    )


def _measurement(
    row: Row, metric: Metric, protocol: SegmentationProtocol, confusion: ConfusionMatrix
) -> Measurement:
    assert isinstance(row.reading, SegmentationReading)
    scores = confusion.scores()
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
        protocol=ProtocolUsed(
            name=PROTOCOL_OF[metric],
            test=row.reading.test,
            normalisation=protocol.normalisation,
            ratios=list(protocol.ratios),
            flip=protocol.flip,
        ),
    )
