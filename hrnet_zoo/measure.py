"""Measures a segmentation row: checkpoint, data, network, images, and what they add up to.

Finished images go into a journal beside the record, so that a run that was killed can go on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hrnet_zoo.datasets.layouts import DATASETS
from hrnet_zoo.datasets.segmentation import SegmentationDataset, open_dataset
from hrnet_zoo.devices import canonical_precision, resolve_device
from hrnet_zoo.download import FetchedFile
from hrnet_zoo.errors import DatasetError, PrerequisiteError
from hrnet_zoo.evaluation import ImageResult, StageSeconds, evaluate_images
from hrnet_zoo.fetch import FetchOptions, check_own_file, fetch_row
from hrnet_zoo.inference.segmentation import Network, SegmentationProtocol
from hrnet_zoo.journal import Journal
from hrnet_zoo.loading import load_model, network_for_evaluation, single_protocol
from hrnet_zoo.observed import (
    checkpoint_used,
    dataset_used,
    measurement_of,
    settings_in_force,
    timings_of,
)
from hrnet_zoo.progress import Progress
from hrnet_zoo.records import RecordFile, now
from hrnet_zoo.resume import add_result, open_journal, take_over
from hrnet_zoo.row import Metric, Row
from hrnet_zoo.settings import DataFolders
from hrnet_zoo.verdicts import PROTOCOL_OF
from hrnet_zoo.worst import save_worst, worst_images

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
    worst: int = 0
    """How many of the worst images to save as pictures."""
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
    run = _prepare(row, metrics, options, progress)
    with open_journal(
        file,
        row,
        run.protocols,
        checkpoint=run.checkpoint,
        dataset_stamp=run.dataset.stamp(run.num_images),
        limit=options.limit,
    ) as journal:
        results = take_over(journal, file, progress)
        url = None if options.checkpoint else row.checkpoint_url
        images_file = file.path.with_suffix(".images.jsonl")
        file.update(
            checkpoint=checkpoint_used(run.checkpoint, url),
            num_images_taken_over=len(results),
            images_file=images_file.name,
        )
        progress.begin("loading the model", None, "")
        loaded = load_model(row, run.checkpoint.path, run.device)
        network = network_for_evaluation(loaded.model)
        with canonical_precision():
            file.update(settings=settings_in_force(run.device, run.num_workers))
            seconds = _evaluate(run, network, journal, results, progress)
        file.update(
            status="completed",
            finished_at=now(),
            dataset=dataset_used(row, run.dataset, results),
            measurements=[measurement_of(row, m, p, results) for m, p in run.protocols.items()],
            not_run=_not_measurable(metrics),
            timings=timings_of(seconds),
        )
        journal.finish(images_file)
    if options.worst:
        _draw_worst(run, network, results, options.worst, file.path.with_suffix(".worst"), progress)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What is settled before the first image."""

    row: Row
    protocols: dict[Metric, SegmentationProtocol]
    dataset: SegmentationDataset
    checkpoint: FetchedFile
    device: torch.device
    num_images: int
    num_workers: int


def _prepare(
    row: Row, metrics: Sequence[Metric], options: MeasureOptions, progress: Progress
) -> _Run:
    device = resolve_device(options.device)
    protocols = _protocols(row, metrics)
    # Cheap checks first: nobody wants to learn after a long download that the data are missing.
    dataset = _open_dataset(row, options.data_folders)
    return _Run(
        row=row,
        protocols=protocols,
        dataset=dataset,
        checkpoint=_checkpoint(row, options, progress),
        device=device,
        num_images=min(len(dataset), options.limit or len(dataset)),
        num_workers=options.num_workers or min(_MAX_WORKERS, os.cpu_count() or 1),
    )


def _evaluate(
    run: _Run,
    network: Network,
    journal: Journal,
    results: dict[str, ImageResult],
    progress: Progress,
) -> StageSeconds:
    """Add the result of every image that has none yet."""
    seconds = StageSeconds()
    progress.begin(f"evaluating {run.row.name} on {run.device}", run.num_images, "images")
    evaluation = evaluate_images(
        network,
        run.dataset,
        [i for i in range(run.num_images) if run.dataset.name_of(i) not in results],
        run.protocols,
        num_workers=run.num_workers,
        device=run.device,
        seconds=seconds,
    )
    for result in evaluation:
        add_result(journal, result)
        results[result.name] = result
        progress.update(len(results))
    return seconds


def _draw_worst(
    run: _Run,
    network: Network,
    results: Mapping[str, ImageResult],
    count: int,
    folder: Path,
    progress: Progress,
) -> None:
    metric, protocol = next(iter(run.protocols.items()))
    worst = worst_images(results, metric, count)
    progress.begin(f"drawing the worst images into {folder}", len(worst), "images")
    save_worst(network, run.dataset, run.row, protocol, worst, folder, run.device, progress)


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
